"""The pictures of the pages in the README. `--write-pictures` takes them anew, from a real main with real results."""

import struct
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.services.browser import PHONE, chromium, window
from tests.services.cluster import Cluster
from tests.services.feed_client import TRANSPORTS
from tests.services.processes import Launcher
from tests.services.test_journey import build

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs/pictures"
MOST = 200_000
# Name to width and height.
SIZES = {"stocks": (1200, 860), "requests": (1200, 1120), "draft": (PHONE["width"], PHONE["height"])}


@pytest.mark.thorough
@pytest.mark.timeout(180)
def test_the_pictures_can_be_taken(
    pytestconfig: pytest.Config, launcher: Launcher, cluster: Cluster, database: str, tmp_path: Path
) -> None:
    folder = PICTURES if pytestconfig.getoption("--write-pictures") else tmp_path
    town = build(launcher, cluster, database, SP_DEFER_SECONDS="1", SP_RESULT_SEED="a seed")
    with town.signed_in() as creator, town.signed_in("moderator") as moderator, chromium() as browser:
        session = creator.cookies["__Host-session"]
        completed = town.formed(creator, 1, 2, 3)
        town.results(creator, completed)
        moderator.put(f"/requests/{completed}/complete")
        formed = town.formed(creator, 1, 4, 5, 6)
        with window(browser, town.url, session, viewport=_size("requests"), color_scheme="dark") as night:
            page = night.open("/pages/requests")
            for transport in TRANSPORTS:
                page.check(f"#transport-{transport}")
                page.wait_for_timeout(400)
            expect(page.locator(f'[data-request="{formed}"] .trend')).to_have_count(4)
            expect(page.locator("[data-notice]")).to_be_empty(timeout=15_000)
            page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
            page.screenshot(path=folder / "requests.png")
        for stock in (2, 2, 5):
            draft = creator.post(f"/stocks/{stock}/draft").json()["draft_id"]
        with window(browser, town.url, session, viewport=PHONE, locale="ru-RU") as phone:
            phone.open(f"/pages/requests/{draft}").screenshot(path=folder / "draft.png")
        with window(browser, town.url, session, viewport=_size("stocks")) as desk:
            desk.open("/").screenshot(path=folder / "stocks.png")
    for name in SIZES:
        assert (folder / f"{name}.png").stat().st_size < MOST


@pytest.mark.parametrize("name", SIZES)
def test_the_readme_shows_each_picture_and_none_is_heavy(name: str) -> None:
    picture = PICTURES / f"{name}.png"
    assert f"docs/pictures/{picture.name}" in (ROOT / "README.md").read_text("utf-8")
    content = picture.read_bytes()
    assert len(content) < MOST
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == SIZES[name]


def _size(name: str) -> dict[str, int]:
    width, height = SIZES[name]
    return {"width": width, "height": height}
