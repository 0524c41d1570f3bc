"""A creator's way through the whole house: draft, form, and the result that comes back through the one door."""

import time
from collections.abc import Mapping
from pathlib import Path

import yaml

from network.check.shell import Shell, must
from tests.fleet import LocalShell, inventory, secret
from tests.journeys.conftest import CREATOR
from tests.web import Database, Door, Visitor, local_authority

_SECONDS = 15
_UNIT = "sallyport-status.service"


def test_creator_forms_a_request_and_its_results_arrive(creator: Visitor) -> None:
    formed = creator.form_request(stocks=2)
    shown, _ = creator.results(formed["id"], _SECONDS)

    assert formed["state"] == "formed"
    assert [item["result"] for item in formed["items"]] == [None, None]
    assert {item["result"] for item in shown["items"]} <= {"growing", "falling"}


def test_creator_comes_in_through_the_control_node_s_own_port(state: Path) -> None:
    settings = yaml.safe_load((inventory() / "group_vars/all/lab.yml").read_text(encoding="utf-8"))
    address, _, port = settings["lab_publish"]["https"]["listen"].rpartition(":")
    door = Door(address, int(port), "localhost", local_authority(state))
    visitor = Visitor(LocalShell(), door, f"https://localhost:{port}")
    visitor.sign_in(CREATOR, secret(state, f"app_user_{CREATOR}"))
    formed = visitor.form_request()

    assert visitor.results(formed["id"], _SECONDS)[0]["items"]


def test_job_survives_a_killed_async_service(creator: Visitor, worker: Shell, database: Database) -> None:
    formed = creator.form_request()
    before = main_process(worker)
    deadline = time.monotonic() + 3
    while (job := database.job(formed["id"])) is None or job.state != "waiting":
        assert time.monotonic() < deadline, f"the job was not handed over: {job}"
        time.sleep(0.05)
    must(worker, f"kill -9 {before}")
    assert creator("GET", f"/requests/{formed['id']}").json["items"][0]["result"] is None
    shown, _ = creator.results(formed["id"], _SECONDS)

    assert shown["items"][0]["result"]
    assert main_process(worker) not in {before, "0"}


def main_process(worker: Shell) -> str:
    """Return the async service's main process."""
    return must(worker, f"systemctl show -p MainPID --value {_UNIT}").strip()


def test_visitor_sees_the_seeded_stocks(creator: Visitor) -> None:
    stocks = creator("GET", "/stocks").json["stocks"]

    assert len(stocks) >= 3
    assert all(stock["company"] and float(stock["price"]) > 0 for stock in stocks)


def test_shells_reach_every_host(shells: Mapping[str, Shell]) -> None:
    assert all(must(shell, "hostname").strip() == name for name, shell in shells.items())
