"""Makes the lab as drawn: networks and containers created, changed ones made anew, all started and admitted."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from network.errors import Problem, UserError
from network.lab import bootstrap, docker
from network.lab.blueprint import (
    LABEL,
    LABEL_HOME,
    LABEL_SPECIFICATION,
    Blueprint,
    Container,
    Segment,
    container_name,
    specification,
)
from network.lab.connection import OPERATOR
from network.lab.plan import Found, Plan, decide, found
from network.lab.progress import Progress
from network.lab.state import State
from network.model import Model

_AT_ONCE = 5
_BOOT_SECONDS = 120
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def present(environment: str) -> Found:
    """Return what the engine has of the lab. Raises UserError."""
    return found(docker.containers(environment), docker.networks(environment))


def raise_all(blueprint: Blueprint, state: State, progress: Progress) -> Plan:
    """Bring the engine to what is drawn and return what was changed. Raises UserError."""
    plan = decide(blueprint, present(state.environment))
    for name, reason in plan.reasons.items():
        progress(name.removeprefix("sallyport-"), f"made anew: {reason}")
    _remove(plan.remove_containers, plan.remove_networks)
    _each(plan.create_networks, lambda segment: _create_network(segment, state))
    _each(plan.create_containers, lambda container: _create_container(container, state))
    _each(plan.unpause, lambda name: docker.command("unpause", name, doing=f"unpause {name}"))
    _each(plan.start, lambda name: docker.command("start", name, doing=f"start {name}", timeout=300))
    return plan


def admit(model: Model, public_key: str, progress: Progress) -> Mapping[str, str]:
    """Give every host its bootstrap network and the operator's key, wait until it has booted; return the host keys.

    Raises UserError when a host does not come up in time.
    """

    def one(host: str) -> tuple[str, str]:
        script = _admission(bootstrap.script(model, model.fleet.hosts[host]), public_key)
        said = docker.execute(container_name(host), script, doing=f"start {host}", timeout=_BOOT_SECONDS + 30)
        condition, _, rest = said.partition("\n")
        if condition not in ("running", "degraded"):
            raise UserError(
                Problem(
                    host,
                    f"systemd says: {condition}",
                    f"a host boots within {_BOOT_SECONDS} s",
                    f"docker logs {container_name(host)}; docker exec {container_name(host)} systemctl list-jobs",
                )
            )
        progress(host, "ready" if condition == "running" else "ready, but a unit has failed (sallyport status)")
        return host, rest.strip()

    return dict(_each(model.fleet.hosts, one))


def remove_all(state: State, progress: Progress) -> None:
    """Remove the lab's containers and networks, those only. Raises UserError, also for another checkout's lab."""
    there = present(state.environment)
    strangers = there.strangers(state.home)
    if strangers:
        raise UserError(
            Problem(
                "the lab",
                f"made by another checkout ({', '.join(strangers)})",
                "a lab is taken away by whom it was made",
                "./sallyport down in that checkout",
            )
        )
    for name in (*there.containers, *there.networks):
        progress(name.removeprefix("sallyport-"), "removed")
    _remove(tuple(there.containers), tuple(there.networks))


def _remove(containers: Iterable[str], networks: Iterable[str]) -> None:
    _each(containers, lambda name: docker.command("rm", "-f", "-v", name, doing=f"remove {name}"))
    _each(networks, lambda name: docker.command("network", "rm", name, doing=f"remove network {name}"))


def _each(items: Iterable[_Item], do: Callable[[_Item], _Result]) -> list[_Result]:
    """Do it for every item, some at once; the first error is raised when all have ended."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [future.result() for future in [pool.submit(do, item) for item in items]]


def _create_network(segment: Segment, state: State) -> None:
    options = [
        "--driver", "bridge", "--opt", f"com.docker.network.bridge.name={segment.bridge}",
        "--opt", f"com.docker.network.bridge.enable_ip_masquerade={str(segment.outside).lower()}",
    ]  # fmt: skip
    if not segment.outside:
        options += ["--opt", "com.docker.network.bridge.inhibit_ipv4=true"]
    if segment.mtu is not None:
        options += ["--opt", f"com.docker.network.driver.mtu={segment.mtu}"]
    for subnet, gateway in zip(segment.subnets, segment.gateways, strict=True):
        options += ["--subnet", subnet, "--gateway", gateway]
    if any(":" in subnet for subnet in segment.subnets):
        options.append("--ipv6")
    labels = _labels(state, specification(segment))
    docker.command("network", "create", *labels, *options, segment.name, doing=f"make the network {segment.name}")


def _create_container(container: Container, state: State) -> None:
    first, *others = container.attachments
    ports = [f"--publish={port.address}:{port.port}:{port.to}" for port in container.ports]
    docker.command(
        "create", "--name", container.name, "--hostname", container.host, "--log-opt", "max-size=1m",
        *_labels(state, specification(container)), *container.options, *ports,
        "--network", first.segment, *_addresses(first.v4, first.v6), container.image, "/sbin/init",
        doing=f"make {container.host}",
    )  # fmt: skip
    for attachment in others:
        docker.command(
            "network", "connect", *_addresses(attachment.v4, attachment.v6), attachment.segment, container.name,
            doing=f"connect {container.host} to {attachment.segment}",
        )  # fmt: skip


def _addresses(v4: str | None, v6: str | None) -> list[str]:
    return [*(("--ip", v4) if v4 else ()), *(("--ip6", v6) if v6 else ())]


def _labels(state: State, digest: str) -> list[str]:
    pairs = {LABEL: state.environment, LABEL_HOME: str(state.home), LABEL_SPECIFICATION: digest}
    return [part for name, value in pairs.items() for part in ("--label", f"{name}={value}")]


def _admission(network: str, public_key: str) -> str:
    """Return the script that is run in a host on every `up`; it prints systemd's state and the host's public key."""
    keys = f"/home/{OPERATOR}/.ssh/authorized_keys"
    return f"""
n=0
until [ -S /run/systemd/private ] || [ $n -ge {_BOOT_SECONDS * 5} ]; do sleep 0.2; n=$((n + 1)); done
network={shlex.quote(network)}
if [ "$(cat /etc/sallyport-lab/network 2>/dev/null)" != "$(printf %s "$network")" ]; then
    mkdir -p /etc/sallyport-lab
    printf %s "$network" > /etc/sallyport-lab/network
    systemctl restart sallyport-lab-network.service
fi
key={shlex.quote(public_key)}
if [ "$(cat {keys} 2>/dev/null)" != "$key" ]; then
    printf '%s\\n' "$key" > {keys}
    chown {OPERATOR}:{OPERATOR} {keys}
    chmod 600 {keys}
fi
state=$(timeout {_BOOT_SECONDS} systemctl is-system-running --wait 2>/dev/null) || true
echo "${{state:-starting}}"
cat /etc/ssh/ssh_host_ed25519_key.pub
"""
