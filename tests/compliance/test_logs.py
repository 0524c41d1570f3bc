"""What a host writes to its journal arrives at the collector."""

import time
from collections.abc import Mapping

import pytest

from network.check.expectation import Expectation
from network.check.facts import Facts
from network.check.shell import Shell, must

_SECONDS = 20


@pytest.mark.control("logs-collected")
def test_logs_of_every_host_arrive_at_the_collector(
    shells: Mapping[str, Shell],
    facts: Mapping[str, Facts],
    expectations: Mapping[str, Expectation],
    nonce: str,
) -> None:
    collector = next(name for name, expected in expectations.items() if "bastion" in expected.groups)
    senders = {name for name in facts if expectations[name].collected and name != collector}
    assert senders

    read = "journalctl -q -D /var/log/journal/remote -t sallyport-check -o json --output-fields=_HOSTNAME,MESSAGE"
    ask = f"{read} | grep -F {nonce} || true"
    deadline = time.monotonic() + _SECONDS
    missing = senders
    while missing and time.monotonic() < deadline:
        said = must(shells[collector], ask)
        missing = {name for name in senders if f'"{name}"' not in said}
        time.sleep(0.5 if missing else 0)

    assert not missing, f"nothing from {', '.join(sorted(missing))} reached {collector} in {_SECONDS} s"
