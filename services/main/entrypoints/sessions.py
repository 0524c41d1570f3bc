"""Accounts, and signing in and out."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from services.main.adapters.unit import SESSION_LIFETIME
from services.main.domain.user import User
from services.main.entrypoints.description import refusals
from services.main.entrypoints.guards import (
    COOKIE,
    FromHere,
    PartsOfApp,
    SignedIn,
    client_address,
    session_token,
)
from services.main.entrypoints.shapes import Credentials, Registration, SessionShape, SessionsShape, UserShape
from services.main.use_cases.signing_in import (
    end_session,
    list_sessions,
    register,
    sign_in,
    sign_out,
    sign_out_everywhere,
)
from services.main.wiring import Parts
from services.transport import read_json, request_body

router = APIRouter(tags=["sessions"], dependencies=[FromHere])

SessionId = Annotated[UUID, Path(description="Its `id` in the list", examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"])]

# Characters of a browser's own words that are kept.
AGENT_LENGTH = 200


@router.post("/register", status_code=201, responses=refusals(409, 429), openapi_extra=request_body(Registration))
async def post_register(request: Request, parts: PartsOfApp) -> UserShape:
    """Become a creator. Sign in afterwards."""
    wanted = await read_json(request, Registration)
    user = await register(
        parts.work, parts.passwords, wanted.name, wanted.email, wanted.password, address=client_address(request)
    )
    return UserShape.of(user)


@router.post("/login", responses=refusals(401, 429), openapi_extra=request_body(Credentials))
async def login(request: Request, response: Response, parts: PartsOfApp) -> UserShape:
    """Sign in. The session lives in a cookie that scripts cannot read.

    Attempts are limited for each account and each address; a right password costs none of them.
    """
    user, token = await begin_session(request, parts, await read_json(request, Credentials))
    keep_session(response, token)
    return UserShape.of(user)


@router.post("/logout", status_code=204)
async def logout(request: Request, response: Response, parts: PartsOfApp) -> None:
    """End the session, here and in the database. Without one this does nothing."""
    await leave_session(request, response, parts)


@router.get("/sessions", responses=refusals(401))
async def get_sessions(request: Request, parts: PartsOfApp, user: SignedIn) -> SessionsShape:
    """Where the user is signed in."""
    found = await list_sessions(parts.work, user, session_token(request) or "")
    return SessionsShape(sessions=[SessionShape.of(session) for session in found])


@router.delete("/sessions", status_code=204, responses=refusals(401))
async def delete_sessions(response: Response, parts: PartsOfApp, user: SignedIn) -> None:
    """Sign out everywhere, here too."""
    await sign_out_everywhere(parts.work, user)
    _forget_cookie(response)


@router.delete("/sessions/{session_id}", status_code=204, responses=refusals(401, 404))
async def delete_session(parts: PartsOfApp, user: SignedIn, session_id: SessionId) -> None:
    """Sign out one session, wherever it is."""
    await end_session(parts.work, user, session_id)


async def begin_session(request: Request, parts: Parts, credentials: Credentials) -> tuple[User, str]:
    """Sign in, and out of the session that the caller had. The user, and the new session's token."""
    agent = "".join(filter(str.isprintable, request.headers.get("user-agent", "")))[:AGENT_LENGTH]
    user, token = await sign_in(
        parts.work,
        parts.passwords,
        credentials.name,
        credentials.password,
        address=client_address(request),
        agent=agent,
    )
    if old := session_token(request):
        await sign_out(parts.work, old)
    return user, token


def keep_session(response: Response, token: str) -> None:
    response.set_cookie(COOKIE, token, max_age=int(SESSION_LIFETIME), secure=True, httponly=True, samesite="lax")


async def leave_session(request: Request, response: Response, parts: Parts) -> None:
    if token := session_token(request):
        await sign_out(parts.work, token)
    _forget_cookie(response)


def _forget_cookie(response: Response) -> None:
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax")
