"""Signing in and out."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.main.adapters.unit import SESSION_LIFETIME
from services.main.entrypoints.guards import COOKIE, FromHere, PartsOfApp, session_token
from services.main.entrypoints.shapes import Credentials, UserShape
from services.main.use_cases.signing_in import sign_in, sign_out
from services.transport import read_json, request_body

router = APIRouter(tags=["sessions"], dependencies=[FromHere])


@router.post("/login", openapi_extra=request_body(Credentials))
async def login(request: Request, response: Response, parts: PartsOfApp) -> UserShape:
    """Sign in. The session lives in a cookie that scripts cannot read."""
    credentials = await read_json(request, Credentials)
    user, token = await sign_in(parts.work, parts.passwords, credentials.name, credentials.password)
    if old := session_token(request):
        await sign_out(parts.work, old)
    response.set_cookie(COOKIE, token, max_age=int(SESSION_LIFETIME), secure=True, httponly=True, samesite="lax")
    return UserShape.of(user)


@router.post("/logout", status_code=204)
async def logout(request: Request, response: Response, parts: PartsOfApp) -> None:
    """End the session, here and in the database. Without one this does nothing."""
    if token := session_token(request):
        await sign_out(parts.work, token)
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax")
