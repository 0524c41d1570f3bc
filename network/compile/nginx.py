"""nginx.conf of the hosts that terminate published HTTPS: the public front, and a guarded door per http flow.

A host gets one when it is a destination of a published flow on the service ``https``. Everything in it comes from the
policy and the inventory: listeners, names, allow-lists, paths, methods. What a guarded flow demands is decided in
nginx's access phase (`auth_request` over maps), after rate limiting: ``if … return`` would run before both. nginx
matches a location against the decoded and merged path, but passes on what was sent; so a guarded flow also demands
that the raw request target is the canonical path already.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from network.compile.nginx_errors import error_maps, errors, silence
from network.errors import Problem, UserError
from network.model import Address, Endpoint, Flow, Host, HttpGuard, Model, Network
from network.nginx import Directive, block, directive, render
from network.path import networks

# Paths of the application that no visitor may see: for probes and scrapers inside.
UNPUBLISHED = ("/health", "/metrics")
# Its answers without an end.
_STREAMS = "^/(feed/(events|socket)|requests/[0-9]+/chat/socket)$"

_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*")
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+|\{[a-z_]+\}")
_AUTH = re.compile(r"[a-z0-9-]+")

# Mozilla's "intermediate" list without its non-AEAD and DHE suites (TLS 1.3 has its own three).
_CIPHERS = ":".join(
    f"ECDHE-{key}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key in ("ECDSA", "RSA")
)
# What every answer carries, error pages too. nginx speaks for the application: its own values are hidden.
_HEADERS = (
    ("Strict-Transport-Security", "$transport_security"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)
_CONTENT_SECURITY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
# What the application takes, for the 405 that nginx gives to TRACE and CONNECT.
_METHODS = "GET, POST, PUT, DELETE"


@dataclass(frozen=True)
class Limits:
    """How much one address may ask. Rates are requests a second, bursts requests, sizes nginx's (``1m``)."""

    rate: int = 50
    burst: int = 100
    connections: int = 100
    streams: int = 50
    body: str = "1m"
    guarded_rate: int = 1000
    guarded_burst: int = 500
    guarded_body: str = "4k"
    refused_rate: int = 5
    refused_burst: int = 10


@dataclass(frozen=True)
class Machine:
    """Where things are on the host. The defaults are Debian's nginx under systemd and Sallyport's own directories.

    `tokens` is a directory with one file per kind of ``auth``, ``<auth>.map``, of lines ``"~^Bearer TOKEN$" 1;``: a
    regular expression, because nginx compares plain strings without regard to case.
    """

    certificate: str = "/etc/sallyport/pki/host.pem"
    key: str = "/etc/sallyport/pki/host.key"
    tokens: str = "/etc/sallyport/nginx"
    application: str = "127.0.0.1:8000"
    user: str = "www-data"
    pid: str = "/run/nginx.pid"
    state: str = "/var/lib/nginx"
    error_log: str = "syslog:server=unix:/dev/log,tag=nginx,nohostname"
    access_log: str = "syslog:server=unix:/dev/log,tag=nginx,nohostname"
    limits: Limits = Limits()


@dataclass(frozen=True)
class _Door:
    """A guarded flow as one host sees it. `sources` is None for the whole world outside the other zones."""

    flow: Flow
    guard: HttpGuard
    port: int
    sources: tuple[Network, ...] | None

    @property
    def key(self) -> str:
        """The flow's id as part of a variable's name."""
        return self.flow.id.replace("-", "_")

    @property
    def token(self) -> str:
        """The variable that says whether the request carries a valid token."""
        return f"$token_{self.guard.auth.replace('-', '_')}"


def server_config(model: Model, host_name: str, machine: Machine | None = None) -> str | None:
    """Return the complete nginx.conf of a host, or None when it terminates no published HTTPS.

    Raises UserError for a guarded flow whose path or auth cannot be told to nginx exactly.
    """
    place = machine or Machine()
    host = model.fleet.hosts[host_name]
    arriving = model.taken_by.get(Endpoint("host", host_name), ())
    secure = _published_ports(arriving, "https")
    if not secure:
        return None
    doors = _doors(model, host_name, arriving)
    plain = _published_ports(arriving, "http")
    return render(
        [
            directive("user", place.user),
            directive("pid", place.pid),
            directive("worker_processes", "auto"),
            # Not more than a container may have: nginx then goes on with 1024, and says so in its log alone.
            directive("worker_rlimit_nofile", 16384),
            directive("error_log", place.error_log, "warn"),
            # A stream takes two, for as long as somebody looks at a page.
            block("events", (), directive("worker_connections", 8192)),
            block(
                "http",
                (),
                *_foundation(place),
                *_transport(place),
                *_limit_zones(place.limits, guarded=bool(doors)),
                *_public_maps(),
                *_door_maps(doors, place),
                *error_maps(_methods([*plain, *secure], doors)),
                _application(place),
                _stranger(host, plain, [*secure, *dict.fromkeys(door.port for door in doors)]),
                *_redirect(model, host, plain),
                _front(model, host, secure, doors, place),
                *_guarded_servers(model, host, doors, place),
            ),
        ]
    )


def canonical(template: str, *, where: str = "policy") -> str:
    """Return a guard's path template as an anchored regular expression; a ``{placeholder}`` is a decimal number."""
    return "^" + "".join(f"/{'[0-9]+' if part.startswith('{') else part}" for part in _segments(template, where)) + "$"


def _wide(template: str, where: str) -> str:
    """Return an expression for all that an application could take for the template: for hiding, not for offering."""
    return "^" + "".join(f"/{'[^/]+' if part.startswith('{') else part}" for part in _segments(template, where)) + "/*$"


def _segments(template: str, where: str) -> list[str]:
    parts = template.removeprefix("/").split("/")
    if not template.startswith("/") or not all(_SEGMENT.fullmatch(part) for part in parts):
        raise UserError(
            Problem(
                where,
                f"path {template}",
                "the path of an http guard is matched exactly, so it is made of plain segments",
                "write /like/{this}/one: letters, digits, - and _, and {placeholders} for decimal numbers",
            )
        )
    return parts


def _published_ports(flows: Iterable[Flow], service: str) -> list[int]:
    return list(
        dict.fromkeys(
            item.first for flow in flows if flow.publish is not None for item in flow.services if item.name == service
        )
    )


def _doors(model: Model, host_name: str, arriving: Iterable[Flow]) -> list[_Door]:
    doors = []
    for flow in arriving:
        if flow.http is None:
            continue
        canonical(flow.http.path, where=flow.where)
        if not _AUTH.fullmatch(flow.http.auth):
            raise UserError(
                Problem(
                    flow.where,
                    f"auth {flow.http.auth}",
                    "the name of an auth is also the name of the file with its tokens",
                    "use small letters, digits and -",
                )
            )
        sources = _sources(model, flow, Endpoint("host", host_name))
        doors += [_Door(flow, flow.http, item.first, sources) for item in flow.services]
    return doors


def _sources(model: Model, flow: Flow, peer: Endpoint) -> tuple[Network, ...] | None:
    found: list[Network] = []
    for source in flow.sources:
        if source == peer:
            continue
        for version in (4, 6):
            given = networks(model, source, peer, version)
            if given is None:
                return None
            found += given
    return tuple(dict.fromkeys(found))


def _foundation(place: Machine) -> list[Directive]:
    """Return what holds for all servers: files, log, and how long a client may take."""
    return [
        *(
            directive(f"{name}_temp_path", f"{place.state}/{folder}")
            for name, folder in (
                ("client_body", "body"),
                ("proxy", "proxy"),
                ("fastcgi", "fastcgi"),
                ("uwsgi", "uwsgi"),
                ("scgi", "scgi"),
            )
        ),
        # The query may carry what is nobody's business; Authorization and Cookie are never logged.
        block("map", ("$request_uri", "$raw_path"), directive("default", ""), directive("~^(?<bare>[^?]*)", "$bare")),
        _log_format("front", {}),
        directive("access_log", place.access_log, "front"),
        directive("server_tokens", "off"),
        directive("default_type", "text/html"),
        directive("client_header_timeout", "10s"),
        directive("client_body_timeout", "10s"),
        directive("send_timeout", "10s"),
        directive("keepalive_timeout", "30s"),
        directive("reset_timedout_connection", "on"),
        directive("client_header_buffer_size", "1k"),
        directive("large_client_header_buffers", 4, "8k"),
        directive("gzip", "off"),
    ]


def _log_format(name: str, more: dict[str, str]) -> Directive:
    """Return a log format of one JSON object a line. `upstream` is empty when the application was never asked."""
    fields = {
        "time": "$time_iso8601",
        "request_id": "$request_id",
        "client": "$remote_addr",
        "port": "$server_port",
        "host": "$host",
        "method": "$request_method",
        "path": "$raw_path",
        "protocol": "$server_protocol",
        "tls": "$ssl_protocol",
        "status": "$status",
        "bytes": "$body_bytes_sent",
        "seconds": "$request_time",
        "upstream": "$upstream_addr",
        "upstream_status": "$upstream_status",
        "upstream_seconds": "$upstream_response_time",
        "agent": "$http_user_agent",
        **more,
    }
    return directive(
        "log_format", name, "escape=json", "{" + ",".join(f'"{key}":"{value}"' for key, value in fields.items()) + "}"
    )


def _transport(place: Machine) -> list[Directive]:
    return [
        directive("ssl_certificate", place.certificate),
        directive("ssl_certificate_key", place.key),
        directive("ssl_protocols", "TLSv1.2", "TLSv1.3"),
        directive("ssl_ciphers", _CIPHERS),
        directive("ssl_prefer_server_ciphers", "off"),
        directive("ssl_ecdh_curve", "X25519:prime256v1:secp384r1"),
        directive("ssl_session_cache", "shared:tls:10m"),
        directive("ssl_session_timeout", "1h"),
        directive("ssl_session_tickets", "off"),
    ]


def _limit_zones(limits: Limits, *, guarded: bool) -> list[Directive]:
    """Return the counters per address; a guarded flow also counts, apart and slowly, requests without a valid token."""
    zones = [
        directive("limit_req_status", 429),
        directive("limit_conn_status", 429),
        directive("limit_req_log_level", "warn"),
        directive("limit_conn_zone", "$binary_remote_addr", "zone=connections:10m"),
        directive("limit_conn_zone", "$binary_remote_addr", "zone=streams:10m"),
        directive("limit_req_zone", "$binary_remote_addr", "zone=front:10m", f"rate={limits.rate}r/s"),
    ]
    if guarded:
        zones.append(
            directive("limit_req_zone", "$binary_remote_addr", "zone=guarded:1m", f"rate={limits.guarded_rate}r/s")
        )
    return zones


def _public_maps() -> list[Directive]:
    return [
        # Over plain HTTP it means nothing; and a browser that trusts a lab's authority must not remember it of its own
        # machine's every other port.
        block(
            "map",
            ("$scheme $host", "$transport_security"),
            directive("default", ""),
            directive("~^https (?!localhost$)", "max-age=31536000"),
        ),
        # No Upgrade from the client: no Connection header, so that connections to the application are kept alive.
        block("map", ("$http_upgrade", "$connection_upgrade"), directive("default", "upgrade"), directive("", "")),
        # The one header a page knows better: nginx adds it where the application gave none.
        block(
            "map",
            ("$upstream_http_content_security_policy", "$content_security_policy"),
            directive("default", ""),
            directive("", _CONTENT_SECURITY),
        ),
    ]


def _door_maps(doors: Sequence[_Door], place: Machine) -> list[Directive]:
    """Return, per guarded flow, `$unmet_…`: the first demand that the request does not meet, or nothing.

    It is logged as ``unmet:<flow>``. A 403 with nothing unmet was refused for its source, a 413 for its size.
    """
    maps: list[Directive] = []
    if doors:
        # A guarded flow goes on with a deed that began elsewhere, under that deed's id. The public's ids are our own.
        maps.append(
            block(
                "map",
                ("$http_x_request_id", "$carried_request_id"),
                directive("default", "$request_id"),
                directive("~^[A-Za-z0-9._-]+$", "$http_x_request_id"),
            )
        )
        maps.append(
            block(
                "map",
                ("$content_type", "$json"),
                directive("default", 0),
                directive("~*^application/json *(;|$)", 1),
            )
        )
    for auth in dict.fromkeys(door.guard.auth for door in doors):
        key = auth.replace("-", "_")
        maps += [
            block(
                "map",
                ("$http_authorization", f"$token_{key}"),
                directive("default", 0),
                directive("include", f"{place.tokens}/{auth}.map"),
            ),
            # An empty key is not counted.
            block(
                "map",
                (f"$token_{key}", f"$guess_{key}"),
                directive("default", "$binary_remote_addr"),
                directive("1", ""),
            ),
            directive(
                "limit_req_zone", f"$guess_{key}", f"zone=guess_{key}:1m", f"rate={place.limits.refused_rate}r/s"
            ),
        ]
    for door in {door.key: door for door in doors}.values():
        method = door.guard.method
        maps += [
            block(
                "map",
                ("$request_uri", f"$path_{door.key}"),
                directive("default", 0),
                directive(f"~{canonical(door.guard.path, where=door.flow.where)}", 1),
            ),
            block(
                "map",
                (f"$request_method:$path_{door.key}:$json:{door.token}", f"$unmet_{door.key}"),
                directive("default", "token"),
                directive(f"~^{method}:1:1:1$", ""),
                directive("~^[^:]*:0:", "path"),
                directive(f"~^(?!{method}:)", "method"),
                directive(f"~^{method}:1:0:", "type"),
            ),
            block("map", (f"$unmet_{door.key}", f"$met_{door.key}"), directive("default", 0), directive("", 1)),
        ]
    for port in dict.fromkeys(door.port for door in doors):
        unmet = {f"unmet:{door.flow.id}": f"$unmet_{door.key}" for door in doors if door.port == port}
        maps.append(_log_format(f"guarded_{port}", unmet))
    return maps


def _application(place: Machine) -> Directive:
    """Return the upstream. Idle connections are closed before uvicorn does (5 s): a POST is not sent twice."""
    return block(
        "upstream",
        ("application",),
        directive("server", place.application, "max_fails=0"),
        directive("keepalive", 32),
        directive("keepalive_timeout", "4s"),
    )


def _methods(open_ports: Iterable[int], doors: Iterable[_Door]) -> dict[int, str]:
    """Return which methods each port takes."""
    methods = dict.fromkeys(open_ports, _METHODS)
    for door in doors:
        known = methods.get(door.port)
        methods[door.port] = f"{known}, {door.guard.method}" if known else door.guard.method
    return methods


def _stranger(host: Host, plain: Sequence[int], secure: Sequence[int]) -> Directive:
    """Return the server for every name that is not ours: no handshake, no answer."""
    return block(
        "server",
        (),
        *_listen(host, plain, "default_server"),
        *_listen(host, secure, "ssl", "default_server"),
        directive("server_name", "_"),
        directive("ssl_reject_handshake", "on"),
        silence(),
        directive("return", 444),
    )


def _redirect(model: Model, host: Host, ports: Sequence[int]) -> list[Directive]:
    if not ports:
        return []
    return [
        block(
            "server",
            (),
            *_listen(host, ports),
            directive("server_name", *_public_names(model)),
            block("location", ("/",), directive("return", 301, "https://$host$request_uri")),
            *errors(_own_headers(), pages=True),
        )
    ]


def _front(model: Model, host: Host, ports: Sequence[int], doors: Sequence[_Door], place: Machine) -> Directive:
    """Return the public server. What only a guarded flow may ask for does not exist here."""
    limits = place.limits
    hidden = [_wide(door.guard.path, door.flow.where) for door in {door.key: door for door in doors}.values()]
    hidden += [f"^{path}(/|$)" for path in UNPUBLISHED]
    return block(
        "server",
        (),
        *_listen(host, ports, "ssl"),
        directive("server_name", *_public_names(model)),
        directive("client_max_body_size", limits.body),
        directive("limit_req", "zone=front", f"burst={limits.burst}", "nodelay"),
        directive("limit_conn", "connections", limits.connections),
        *_headers(),
        *(block("location", ("~*", expression), directive("return", 404)) for expression in dict.fromkeys(hidden)),
        block(
            "location",
            ("~", _STREAMS),
            # In a location, the server's own limit holds only where it is said again.
            directive("limit_conn", "connections", limits.connections),
            directive("limit_conn", "streams", limits.streams),
            *_pass(),
            directive("proxy_buffering", "off"),
            # A stream beats every 15 s.
            directive("proxy_read_timeout", "75s"),
        ),
        # Answers are buffered, so that a slow reader does not hold the application. A long poll takes 25 s at most.
        # The application's restart is waited for in its queue of connections: not for ever.
        block("location", ("/",), *_pass(), directive("proxy_read_timeout", "35s")),
        *errors(_own_headers(), pages=True),
    )


def _guarded_servers(model: Model, host: Host, doors: Sequence[_Door], place: Machine) -> list[Directive]:
    """Return one server per port of the guarded flows: everything but the flows' own requests gets 403."""
    limits = place.limits
    servers = []
    for port in dict.fromkeys(door.port for door in doors):
        inside: list[Directive] = []
        for door in (door for door in doors if door.port == port):
            decision = f"/-/{door.flow.id}"
            inside += [
                block(
                    "location",
                    ("~", canonical(door.guard.path, where=door.flow.where)),
                    *_allowed(model, door.sources),
                    directive("limit_req", "zone=guarded", f"burst={limits.guarded_burst}", "nodelay"),
                    directive("limit_req", f"zone=guess_{door.token[7:]}", f"burst={limits.refused_burst}", "nodelay"),
                    directive("auth_request", decision),
                    *_pass("$carried_request_id"),
                    directive("proxy_read_timeout", "15s"),
                    # A signed message that comes twice is a replay, and refused for good: the caller signs anew.
                    directive("proxy_next_upstream", "off"),
                ),
                block(
                    "location",
                    ("=", decision),
                    directive("internal"),
                    block("if", (f"($met_{door.key})",), directive("return", 204)),
                    block("if", (f"({door.token})",), directive("return", 403)),
                    directive("return", 401),
                ),
            ]
        servers.append(
            block(
                "server",
                (),
                *_listen(host, (port,), "ssl"),
                directive("server_name", host.name, f"{host.name}.{model.fleet.domain}"),
                directive("access_log", place.access_log, f"guarded_{port}"),
                directive("client_max_body_size", limits.guarded_body),
                directive("limit_conn", "connections", limits.guarded_burst),
                *_headers(),
                *inside,
                block("location", ("/",), directive("deny", "all")),
                *errors(_own_headers(), pages=False),
            )
        )
    return servers


def _pass(request_id: str = "$request_id") -> list[Directive]:
    """Return the way to the application. What a client says of forwarding is not believed, but replaced."""
    return [
        directive("proxy_pass", "http://application"),
        directive("proxy_http_version", "1.1"),
        directive("proxy_connect_timeout", "5s"),
        directive("proxy_send_timeout", "15s"),
        directive("proxy_set_header", "Host", "$host"),
        directive("proxy_set_header", "X-Request-ID", request_id),
        directive("proxy_set_header", "X-Forwarded-For", "$remote_addr"),
        directive("proxy_set_header", "X-Forwarded-Proto", "https"),
        directive("proxy_set_header", "X-Forwarded-Host", ""),
        directive("proxy_set_header", "X-Forwarded-Port", ""),
        directive("proxy_set_header", "X-Real-IP", ""),
        directive("proxy_set_header", "Forwarded", ""),
        directive("proxy_set_header", "Upgrade", "$http_upgrade"),
        directive("proxy_set_header", "Connection", "$connection_upgrade"),
        *(directive("proxy_hide_header", name) for name, _ in _HEADERS),
    ]


def _own_headers() -> list[Directive]:
    return [directive("add_header", name, value, "always") for name, value in _HEADERS]


def _headers() -> list[Directive]:
    return [
        *_own_headers(),
        directive("add_header", "Content-Security-Policy", "$content_security_policy", "always"),
    ]


def _allowed(model: Model, sources: tuple[Network, ...] | None) -> list[Directive]:
    if sources is None:
        inner = [network for zone in model.fleet.zones.values() if not zone.untrusted for network in zone.networks]
        return [*(directive("deny", str(network)) for network in inner), directive("allow", "all")]
    return [*(directive("allow", _short(network)) for network in sources), directive("deny", "all")]


def _short(network: Network) -> str:
    single = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if single else str(network)


def _listen(host: Host, ports: Iterable[int], *options: str) -> list[Directive]:
    return [directive("listen", f"{_literal(leg.address)}:{port}", *options) for port in ports for leg in host.legs]


def _literal(address: Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


def _public_names(model: Model) -> tuple[str, ...]:
    for name in model.fleet.public_names:
        if not _NAME.fullmatch(name):
            raise UserError(
                Problem(
                    "network_public_names",
                    name,
                    "a public name is a host name in small letters",
                    "write it like example.org, without wildcards",
                )
            )
    return model.fleet.public_names
