"""The machine's packet filter must leave packets between the lab's zones alone.

Where bridged packets pass the machine's iptables (``bridge-nf-call-iptables``), rules that the engine makes for routed
packets meet the lab's bridged ones. Two of them break it:

- nat: the masquerading of the outside segment knows the source and the outgoing bridge only. A visitor's request bears
  an outside address while it crosses from edge to web server, on a bridge that is not the outside's; it would be
  translated to an address that does not exist.
- raw: engines since 28 drop what comes to a container's address from another bridge than its own. A packet from the
  worker to the web server crosses the worker's bridge first.

So a chain of ours, first in line in both tables, accepts packets to the inner segments as they are. The machine has no
address there and routes nothing to them, so only what is bridged matches. The chain is set through a container in the
machine's network namespace: that works for any user the engine obeys, and where the engine runs in a virtual machine.
"""

from collections.abc import Mapping

from network.lab import docker
from network.lab.blueprint import LABEL
from network.model import Model

CHAIN = "SALLYPORT"
HOOKS = {"nat": "POSTROUTING", "raw": "PREROUTING"}


def rules(model: Model) -> Mapping[str, tuple[str, ...]]:
    """Return the chain's rules by table, without their ``-A``."""
    inner = [
        network
        for zone in model.fleet.zones.values()
        if not zone.untrusted
        for network in zone.networks
        if network.version == 4
    ]
    outside = [network for network in model.fleet.untrusted.networks if network.version == 4]
    return {
        "nat": tuple(f"-s {source} -d {network} -j ACCEPT" for source in outside for network in inner),
        "raw": tuple(f"-d {network} -j ACCEPT" for network in inner),
    }


def grant(model: Model, image: str) -> None:
    """Put the chains first in line, where they are not there yet. Raises UserError."""
    scripts = [_granting(table, wanted) for table, wanted in rules(model).items()]
    _in_machine(image, "\n".join(scripts), doing="keep the machine's packet filter off the lab's inner packets")


def withdraw(image: str) -> None:
    """Take the chains away. Raises UserError."""
    scripts = [
        f"""
        while $iptables -t {table} -D {hook} -j {CHAIN} 2>/dev/null; do :; done
        $iptables -t {table} -F {CHAIN} 2>/dev/null && $iptables -t {table} -X {CHAIN} || :
        """
        for table, hook in HOOKS.items()
    ]
    _in_machine(image, "\n".join(scripts), doing="take the lab's chain out of the machine's packet filter")


def _granting(table: str, wanted: tuple[str, ...]) -> str:
    hook = HOOKS[table]
    listed = "\n".join(f"-A {CHAIN} {rule}" for rule in wanted)
    return f"""
        wanted='{listed}'
        if [ "$($iptables -t {table} -S {hook} | sed -n 2p)" != '-A {hook} -j {CHAIN}' ] ||
            [ "$($iptables -t {table} -S {CHAIN} | tail -n +2)" != "$wanted" ]; then
            $iptables-restore --noflush <<EOF
*{table}
:{CHAIN} - [0:0]
$wanted
COMMIT
EOF
            while $iptables -t {table} -D {hook} -j {CHAIN} 2>/dev/null; do :; done
            $iptables -t {table} -I {hook} -j {CHAIN}
        fi
        """


def _in_machine(image: str, script: str, *, doing: str) -> None:
    """Run a script in the machine's network namespace; `$iptables` is the variant in which the engine has its rules."""
    docker.command(
        "run", "--rm", "--network", "host", "--cap-add", "NET_ADMIN", "--label", LABEL, image, "sh", "-euc",
        "iptables=iptables-nft; $iptables -t nat -S DOCKER >/dev/null 2>&1 || iptables=iptables-legacy\n" + script,
        doing=doing,
    )  # fmt: skip
