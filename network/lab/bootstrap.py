"""The network a lab host has before it is provisioned: just enough to be reached over SSH through the bastion.

A shell script per host, run at boot and whenever it changes. Each part stands back as soon as the host has its own:
the routes when the routes unit is installed, the address translation when there are firewall rules. Pure.
"""

from network.errors import Problem, UserError
from network.lab.blueprint import entrance
from network.model import Flow, Host, Model
from network.path import management_address, next_hops, public_addresses

ROUTES_UNIT = "/etc/systemd/system/sallyport-routes.service"
FIREWALL_RULES = "/etc/sallyport/firewall/rules.v4"


def script(model: Model, host: Host) -> str:
    """Return the host's bootstrap script, for ``sh -eu``; running it again changes nothing."""
    routes = [f"ip route replace {_target(hop.destination)} via {hop.via}" for hop in next_hops(model, host.name)]
    if host.firewall:
        routes.append("echo 1 > /proc/sys/net/ipv4/ip_forward")
    nat = "\n".join(["*nat", *_translations(model, host), "COMMIT"])
    return "\n".join(
        (
            f"if [ ! -e {ROUTES_UNIT} ]; then",
            *(f"    {route}" for route in routes),
            "    :",
            "fi",
            f"if [ ! -e {FIREWALL_RULES} ]; then",
            "    iptables-restore <<'EOF'",
            nat,
            "EOF",
            "fi",
            "",
        )
    )


def way_in(model: Model) -> tuple[Flow, Host] | None:
    """Return the published flow into the management zone, and the jump host it ends at."""
    management = model.fleet.management.name
    for flow in model.flows:
        if flow.publish is None:
            continue
        for endpoint in flow.destinations:
            host = model.fleet.hosts.get(endpoint.name) if endpoint.kind == "host" else None
            if host is not None and management in host.zones:
                return flow, host
    return None


def jump_host(model: Model) -> Host:
    """Return the host that operators enter by. Raises UserError when the policy publishes no way to one."""
    found = way_in(model)
    if found is None:
        raise UserError(
            Problem(
                "network/policy.yml",
                "no published flow to a host in the management zone",
                "the lab is reached through its jump host, as the environment is",
                "write a flow with publish: edge, to the bastion, service ssh",
            )
        )
    return found[1]


def _translations(model: Model, host: Host) -> list[str]:
    """On the edge: the way in to the jump host, and one outer address for what leaves."""
    if host.name != entrance(model).name:
        return []
    public = next(address for address in host.addresses(model.fleet.untrusted.name) if address.version == 4)
    inner = _inner(model)
    rules = [f"-A POSTROUTING -d {network} -j RETURN" for network in inner]
    rules += [f"-A POSTROUTING -s {network} -j SNAT --to-source {public}" for network in inner]
    found = way_in(model)
    if found is None:
        return rules
    flow, jump = found
    doors = [
        f"-A PREROUTING -d {address} -p {service.protocol} --dport {service.first}"
        f" -j DNAT --to-destination {management_address(model, jump)}"
        for address in public_addresses(model, flow.publish or "")
        if address.version == 4
        for service in flow.services
    ]
    return doors + rules


def _inner(model: Model) -> list[str]:
    return [
        str(network)
        for zone in model.fleet.zones.values()
        if not zone.untrusted
        for network in zone.networks
        if network.version == 4
    ]


def _target(destination: object) -> str:
    return "default" if str(destination) == "0.0.0.0/0" else str(destination)
