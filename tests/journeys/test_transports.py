"""Jobs by gRPC, as the roles set it up: the environment is given that way, used, and given back its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from network.check.shell import Shell, must
from tests.fleet import ROOT, inventory
from tests.web import Visitor

_SECONDS = 15
_CALLS = 'sallyport_grpc_calls_total{code="OK",method="/sallyport.status.v1.StatusService/SetStatus"}'


def provision(*extra: str) -> None:
    """Run the two roles that have an end of the hand-over. Nothing of the output is shown but its end."""
    playbook = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory()), "playbooks/site.yml"]
    done = subprocess.run(
        [*playbook, "--tags", "status,web", *extra], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.fixture
def _grpc() -> Iterator[None]:
    variables = yaml.safe_load((inventory() / "group_vars/all/network.yml").read_text(encoding="utf-8"))
    choices = variables["network_choices"]
    assert choices["transport"] == "http", "this journey goes from http to gRPC and back"
    try:
        provision("--extra-vars", json.dumps({"network_choices": choices | {"transport": "grpc"}}))
        yield
    finally:
        provision()


def calls(worker: Shell) -> float:
    """Return how many jobs the async service has taken by gRPC since its start."""
    told = must(worker, "curl -sf http://127.0.0.1:9103/metrics")
    return next((float(line.split()[-1]) for line in told.splitlines() if line.startswith(_CALLS)), 0.0)


@pytest.mark.usefixtures("_grpc")
def test_results_arrive_though_jobs_go_by_grpc(creator: Visitor, worker: Shell) -> None:
    before = calls(worker)
    formed = creator.form_request(stocks=2)
    shown, _ = creator.results(formed["id"], _SECONDS)

    assert {item["result"] for item in shown["items"]} <= {"growing", "falling"}
    assert calls(worker) == before + 2
    # With the token or without, who has no certificate of ours gets no answer; a host of the fleet gets gRPC's.
    assert answer(worker, "") == "000"
    assert answer(worker, "--cert /etc/sallyport/pki/host.pem --key /etc/sallyport/pki/host.key") == "200"


def answer(shell: Shell, certificate: str) -> str:
    """Return the HTTP status of a gRPC call from a host to itself, 000 where the connection is refused."""
    call = "-X POST -H 'content-type: application/grpc' -H 'te: trailers' https://$(hostname):3000/no.Service/Method"
    curl = "curl -s --http2 -o /dev/null -w '%{http_code}' --max-time 5 --cacert /etc/sallyport/pki/ca.pem"
    return shell.run(f"{curl} {certificate} {call}").out.strip()
