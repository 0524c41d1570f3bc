"""Each guard of the callback with the others taken away: what is left still refuses. And all is put back."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from network.check.control import Control
from network.check.controls import CONTROLS
from network.check.expectation import Expectation
from network.check.gather import gather
from network.check.shell import Shell, must
from network.check.temporary import changed, opened
from network.model import Endpoint, Host, Model
from network.path import journey
from tests.web import Caller, ask_web, guarded_flow

_GUARDS = ("auth_request", "allow", "deny")
_SAVED = "/run/sallyport-drill-nginx.conf"


@pytest.fixture
def neighbour(model: Model, caller: Caller) -> Host:
    """Return a host that no flow lets to the callback: of the worker's own zone where there is one."""
    worker, web = model.fleet.hosts[caller.shell.name], guarded_flow(model).destinations[0].name
    others = [host for host in model.fleet.hosts.values() if host.name not in {worker.name, web} and not host.firewall]
    return sorted(others, key=lambda host: host.zones != worker.zones)[0]


@contextmanager
def iptables_opened(
    model: Model, shells: Mapping[str, Shell], source: Host, target: str, caller: Caller
) -> Iterator[None]:
    """Open every packet filter between a host and the callback, for two minutes at most."""
    hops = journey(model, Endpoint("host", source.name), Endpoint("host", target)).hops
    match = f"-s {source.legs[0].address} -d {caller.door.address} -p tcp --dport {caller.door.port} -j ACCEPT"
    with ExitStack() as stack:
        stack.enter_context(opened(shells[source.name], f"OUTPUT {match}", name="drill"))
        for hop in hops:
            stack.enter_context(opened(shells[hop.host], f"FORWARD {match}", name="drill"))
        stack.enter_context(opened(shells[target], f"INPUT {match}", name="drill"))
        yield


@contextmanager
def nginx_unguarded(web: Shell) -> Iterator[None]:
    """Run nginx without its checks of source, token, method, type and path, for two minutes at most."""
    # `location /` of the guarded server holds nothing but a deny: without it, it has nothing at all to serve.
    strip = "; ".join(f"/^ *{word} /d" for word in _GUARDS)
    change = (
        f"cp -p /etc/nginx/nginx.conf {_SAVED} && sed -i {strip!r} /etc/nginx/nginx.conf && "
        "nginx -t -q && systemctl reload nginx && sleep 0.5"
    )
    mend = (
        f"if [ -e {_SAVED} ]; then cp -p {_SAVED} /etc/nginx/nginx.conf && rm {_SAVED} && nginx -t -q && "
        "systemctl reload nginx && sleep 0.5; fi"
    )
    with changed(web, "nginx", change, mend):
        yield


def test_nginx_refuses_alone_when_iptables_is_open(
    model: Model, shells: Mapping[str, Shell], caller: Caller, web: Shell, neighbour: Host
) -> None:
    elsewhere = replace(caller, shell=shells[neighbour.name])
    with iptables_opened(model, shells, neighbour, web.name, caller):
        answer = elsewhere.call()

    caller.refused_by_nginx(answer, 403, "")
    assert elsewhere.call().error == "prohibited", "iptables is still open"


def test_service_refuses_alone_when_nginx_checks_nothing(
    model: Model, shells: Mapping[str, Shell], caller: Caller, web: Shell, neighbour: Host
) -> None:
    elsewhere = replace(caller, shell=shells[neighbour.name])
    with iptables_opened(model, shells, neighbour, web.name, caller), nginx_unguarded(web):
        for headers in ({"Authorization": None}, {"Authorization": "Bearer wrong"}, {"webhook-signature": "v1,AAAA"}):
            caller.refused_by_service(elsewhere.call(headers=headers), 401)

    caller.refused_by_nginx(caller.call(headers={"Authorization": None}), 401, "token")


def test_database_refuses_alone_when_every_check_before_it_passes(
    model: Model, shells: Mapping[str, Shell], caller: Caller, web: Shell, neighbour: Host
) -> None:
    elsewhere = replace(caller, shell=shells[neighbour.name])
    with iptables_opened(model, shells, neighbour, web.name, caller), nginx_unguarded(web):
        caller.refused_by_service(elsewhere.call(), 409)


def test_iptables_refuses_alone_when_nginx_checks_nothing(
    shells: Mapping[str, Shell], caller: Caller, web: Shell, neighbour: Host
) -> None:
    with nginx_unguarded(web):
        request = {**caller.callback.request(1, "00000000-0000-4000-8000-000000000000", 1), "seconds": 2}
        answer = ask_web(shells[neighbour.name], caller.door, [request])[0]

    assert answer.error == "prohibited"


def test_everything_is_put_back(
    shells: Mapping[str, Shell], expectations: Mapping[str, Expectation], nonce: str, web: Shell
) -> None:
    names = ("rules-loaded", "default-deny", "units")
    chosen: list[Control] = [control for control in CONTROLS if control.id in names]
    for name, shell in shells.items():
        seen = gather(shell, expectations[name], nonce)
        assert [finding for control in chosen for finding in control.check(expectations[name], seen)] == []
    assert must(web, "cat /etc/nginx/nginx.conf") == expectations[web.name].nginx
    assert must(web, f"ls {_SAVED} 2>/dev/null || true") == ""
