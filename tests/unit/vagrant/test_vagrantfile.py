"""The Vagrantfile asks for the machines, segments and addresses of the model, whatever the provider."""

import json
import shutil
import subprocess
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from network.lab.engine import container_options
from network.model import Host, Model
from network.read import load

ROOT = Path(__file__).resolve().parents[3]
PROVIDERS = ("virtualbox", "libvirt", "docker")


@pytest.fixture(scope="module")
def model() -> Model:
    return load(ROOT / "network/policy.yml", ROOT / "inventory/lab")


@pytest.fixture(scope="module")
def asked() -> dict[str, Any]:
    """Load the Vagrantfile under a stub of Vagrant's language."""
    ruby = shutil.which("ruby")
    assert ruby, "ruby is not installed: apt-get install ruby (./sallyport test does so)"
    stub = Path(__file__).with_name("stub.rb")
    done = subprocess.run([ruby, "-w", stub, ROOT / "Vagrantfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def addresses(machine: dict[str, Any], provider: str) -> list[str]:
    """Return the addresses that a machine asks for, in order; Docker's first one is an argument."""
    asked = machine["providers"][provider]
    arguments = asked["settings"].get("create_args", [])
    first = [arguments[arguments.index("--ip") + 1]] if arguments else []
    return first + [network["ip"] for network in asked["networks"]]


def legs(host: Host) -> list[str]:
    return [str(leg.address) for leg in host.legs]


def test_machines_are_the_hosts(model: Model, asked: dict[str, Any]) -> None:
    assert list(asked["machines"]) == list(model.fleet.hosts)
    assert {name: machine["settings"]["hostname"] for name, machine in asked["machines"].items()} == {
        name: name for name in model.fleet.hosts
    }
    assert asked["box"] == "debian/bookworm64"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_addresses_are_the_legs(model: Model, asked: dict[str, Any], provider: str) -> None:
    machines = asked["machines"]
    assert {name: addresses(machines[name], provider) for name in machines} == {
        host.name: legs(host) for host in model.fleet.hosts.values()
    }


def test_netmasks_are_the_networks(model: Model, asked: dict[str, Any]) -> None:
    for host in model.fleet.hosts.values():
        for provider in ("virtualbox", "libvirt"):
            networks = asked["machines"][host.name]["providers"][provider]["networks"]
            assert [network["netmask"] for network in networks] == [str(leg.network.netmask) for leg in host.legs]


def test_only_the_untrusted_segment_touches_this_machine(model: Model, asked: dict[str, Any]) -> None:
    untrusted = model.fleet.untrusted
    for machine in asked["machines"].values():
        for network in machine["providers"]["libvirt"]["networks"]:
            outside = any(ip_address(network["ip"]) in each for each in untrusted.networks)
            assert network["libvirt__forward_mode"] == ("nat" if outside else "veryisolated")
        for network in machine["providers"]["virtualbox"]["networks"]:
            outside = any(ip_address(network["ip"]) in each for each in untrusted.networks)
            assert ("virtualbox__intnet" in network) is not outside


def test_segments_are_the_zones(model: Model, asked: dict[str, Any]) -> None:
    for host in model.fleet.hosts.values():
        providers = asked["machines"][host.name]["providers"]
        segments = [f"sallyport-{leg.zone}" for leg in host.legs]
        assert [network["libvirt__network_name"] for network in providers["libvirt"]["networks"]] == segments
        assert providers["docker"]["triggers"] == [f"segment {segment}" for segment in segments]
        assert [network["name"] for network in providers["docker"]["networks"]] == segments[1:]


def test_memory_by_group(asked: dict[str, Any]) -> None:
    for name, machine in asked["machines"].items():
        memory = machine["providers"]["libvirt"]["settings"]["memory"]
        assert memory == machine["providers"]["virtualbox"]["settings"]["memory"]
        assert memory == {"web1": 1024, "worker1": 768, "broker1": 1024, "db1": 1024}.get(name, 512)
        arguments = machine["providers"]["docker"]["settings"]["create_args"]
        assert arguments[arguments.index("--memory") + 1] == f"{memory}m"


def test_container_options_are_those_of_the_lab(asked: dict[str, Any]) -> None:
    arguments = asked["machines"]["web1"]["providers"]["docker"]["settings"]["create_args"]
    assert tuple(arguments[: arguments.index("--hostname")]) == container_options({})
