import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from network.errors import UserError
from network.lab.mirrors import refresh, remembered, render
from network.lab.sources import Source


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def quiet(subject: str, text: str) -> None:
    pass


def of(name: str, port: int) -> list[Source]:
    return [Source(f"http://{name}:{port}/debian", "bookworm", ("main",))]


def test_name_is_resolved_once_and_kept_while_it_answers(tmp_path: Path, port: int) -> None:
    path = tmp_path / "machine.yml"
    assert refresh(of("localhost", port), {4}, path, quiet)
    assert remembered(path) == {"localhost": ("127.0.0.1",)}
    assert not refresh(of("localhost", port), {4}, path, quiet)


def test_addresses_that_still_answer_stay_though_the_name_has_others(tmp_path: Path) -> None:
    path = tmp_path / "machine.yml"
    with socket.create_server(("127.0.0.2", 0)) as server:
        path.write_text(render({"localhost": ("127.0.0.2",)}))
        assert not refresh(of("localhost", server.getsockname()[1]), {4}, path, quiet)
    assert remembered(path) == {"localhost": ("127.0.0.2",)}


def test_address_that_answers_no_more_is_replaced(tmp_path: Path, port: int) -> None:
    path = tmp_path / "machine.yml"
    path.write_text(render({"localhost": ("127.0.0.3",)}))
    assert refresh(of("localhost", port), {4}, path, quiet)
    assert remembered(path) == {"localhost": ("127.0.0.1",)}


def test_machine_that_is_cut_off_keeps_the_old(tmp_path: Path) -> None:
    path = tmp_path / "machine.yml"
    path.write_text(render({"mirror.invalid": ("127.0.0.3",)}))
    assert not refresh(of("mirror.invalid", 9), {4}, path, quiet)


def test_name_without_address_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the mirror mirror\.invalid"):
        refresh(of("mirror.invalid", 9), {4}, tmp_path / "machine.yml", quiet)


@pytest.mark.parametrize("text", ["", "[]", "network_externals_found: 1", "a: [", "network_externals_found: {}"])
def test_file_that_is_not_ours_holds_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "machine.yml"
    path.write_text(text)
    assert remembered(path) == {}
