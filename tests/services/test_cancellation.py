"""A cancellation is never lost, whatever it comes together with. What programs mend, conftest.py has mended."""

import asyncio
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "services"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_cancelled_in_the_moment_of_success() -> None:
    awaited = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(asyncio.wait_for(awaited, 5))
    await asyncio.sleep(0)
    awaited.set_result("done")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.anyio
async def test_waits_as_the_original_does() -> None:
    async def answer(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "answer"

    assert await asyncio.wait_for(answer(0), 5) == "answer"
    assert await asyncio.wait_for(answer(0.01), None) == "answer"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(answer(60), 0.01)
    for at_once in (0, -1):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(answer(60), at_once)
        done = asyncio.get_running_loop().create_future()
        done.set_result("answer")
        assert await asyncio.wait_for(done, at_once) == "answer"


def test_every_program_mends_it() -> None:
    programs = [path for path in ROOT.rglob("*.py") if ".venv" not in path.parts]
    runs = [path for path in programs if re.search(r"\b(asyncio|uvloop)\.run\(", path.read_text("utf-8"))]
    assert len(runs) > 8
    assert [path for path in runs if "cancellation.mend_wait_for()" not in path.read_text("utf-8")] == []
