"""The lab: from nothing to verified, a second run, and its memory at rest."""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from network.errors import Problem, UserError
from network.read import load
from tests.bench.row import Row

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = (".venv/bin/ansible-playbook", "-i", "inventory/lab", "playbooks/site.yml")


def seconds(command: Sequence[str], **environment: str) -> float:
    """Return how long a command takes, wall-clock. Raises UserError where it fails: then nothing was measured."""
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, env={**os.environ, **environment}
    )
    if done.returncode:
        tail = " | ".join((done.stdout + done.stderr).splitlines()[-3:])
        raise UserError(
            Problem(" ".join(command), tail, "what is measured must succeed", "run it by itself and mend it")
        )
    return time.monotonic() - start


def reference_install() -> float:
    """Return how long a plain shell script over SSH takes to install the packages on lab hosts that hold nothing.

    The hosts go through the bastion as the roles do, with a proxy that allows everything.
    """
    model = load(ROOT / "network/policy.yml", ROOT / "inventory/lab")
    names = model.fleet.externals["package-mirrors"].names
    lines = [f"{address} {name}" for name, addresses in names.items() for address in addresses]
    (bastion,) = (model.fleet.hosts[name] for name in model.fleet.groups["bastion"])
    proxy = f"{bastion.legs[0].address}:{model.services['package-proxy'].first}"
    return seconds(("bash", "tests/bench/reference/install.sh"), MIRRORS="\n".join(lines), PROXY=proxy)


def measure_from_nothing() -> list[Row]:
    """Take the lab down with its image and raise it, once by a plain script and once by `up`."""
    seconds(("./sallyport", "down", "--purge"))
    hosts = seconds(("./sallyport", "up", "--hosts-only"))
    reference = hosts + reference_install()
    seconds(("./sallyport", "down", "--purge"))
    ours = seconds(("./sallyport", "up"))
    return [
        Row(
            "lab from nothing to verified",
            ours,
            "s",
            "the same hosts and packages by shell script",
            reference,
            "< 300 s",
        )
    ]


def measure_again() -> list[Row]:
    """Run `up` on a lab where nothing is to do, beside the bare playbook with each strategy."""
    import ansible_mitogen

    plugins = Path(ansible_mitogen.__file__).parent / "plugins/strategy"
    mitogen = ("env", f"ANSIBLE_STRATEGY_PLUGINS={plugins}", "ANSIBLE_STRATEGY=mitogen_linear", *PLAYBOOK)
    ours = seconds(("./sallyport", "up"))
    stock = seconds(PLAYBOOK)
    return [
        Row("second up, nothing to do", ours, "s", "the bare playbook, stock strategy", stock, "< 45 s"),
        Row("the bare playbook, Mitogen strategy", seconds(mitogen), "s", "stock strategy", stock, "keep what wins"),
    ]


def memory_of(container: str) -> float:
    """Return a container's memory in MiB, as the engine counts it: without the page cache that can be taken back."""
    order = ("docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", container)
    used = subprocess.run(order, check=True, capture_output=True, text=True).stdout.split("/")[0].strip()
    number, unit = used[:-3], used[-3:]
    return float(number) * {"KiB": 2**-10, "MiB": 1.0, "GiB": 2**10}[unit]


def measure_memory() -> list[Row]:
    """Return each host's memory at rest; the reference is a host that only has the base (the visitor)."""
    model = load(ROOT / "network/policy.yml", ROOT / "inventory/lab")
    bare = memory_of("sallyport-client1")
    return [
        Row(
            f"memory of {host} at rest", memory_of(f"sallyport-{host}"), "MiB", "client1, base roles only", bare, "told"
        )
        for host in model.fleet.hosts
    ]
