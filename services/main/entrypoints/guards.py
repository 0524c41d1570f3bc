"""Who calls: dependencies of the routes."""

from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection, Request

from services.main.domain.user import User
from services.main.use_cases.signing_in import who_is
from services.main.wiring import Parts
from services.problem import Problem

# The prefix makes browsers insist on Secure, Path=/ and no Domain (RFC 6265bis, section 4.1.3.2).
COOKIE = "__Host-session"

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


async def parts_of(connection: HTTPConnection) -> Parts:
    parts = connection.app.state.parts
    assert isinstance(parts, Parts)
    return parts


# Dependencies are async even where they wait for nothing: others are run in a thread, which costs more than they do.
PartsOfApp = Annotated[Parts, Depends(parts_of)]


async def same_origin(request: Request, parts: PartsOfApp) -> None:
    """Refuse unsafe calls from other sites: a browser sends the cookie with them, but also their true Origin."""
    if request.method in SAFE_METHODS:
        return
    if request.headers.get("origin", "") not in parts.public_origins:
        raise Problem(
            403, "foreign-origin", "Unsafe calls need an Origin header with this site's address. Browsers send it."
        )


def socket_refusal(connection: HTTPConnection, parts: Parts, user: User | None) -> Problem | None:
    """Why a WebSocket is not accepted: browsers let any site open one, and send the cookie with it (RFC 6455, 10.2)."""
    if connection.headers.get("origin", "") not in parts.public_origins:
        return Problem(403, "foreign-origin", "A WebSocket needs an Origin header with this site's address.")
    if user is None:
        return Problem(401, "sign-in-needed", "Sign in first.", headers={"WWW-Authenticate": "Cookie"})
    return None


def session_token(connection: HTTPConnection) -> str | None:
    return connection.cookies.get(COOKIE) or None


def client_address(request: Request) -> str:
    """Where the call came from. Only the proxy of this very host is believed: it replaces what a client says of it."""
    peer = request.client.host if request.client else ""
    said = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    try:
        return str(ip_address(said)) if ip_address(peer).is_loopback else peer
    except ValueError:
        return peer


async def visitor(connection: HTTPConnection, parts: PartsOfApp) -> User | None:
    """The user who is signed in, or None for a guest."""
    token = session_token(connection)
    return await who_is(parts.work, token) if token else None


async def signed_in(user: Annotated[User | None, Depends(visitor)]) -> User:
    if user is None:
        raise Problem(401, "sign-in-needed", "Sign in first.", headers={"WWW-Authenticate": "Cookie"})
    return user


Visitor = Annotated[User | None, Depends(visitor)]
SignedIn = Annotated[User, Depends(signed_in)]
FromHere = Depends(same_origin)
