"""What a visitor prefers, kept in cookies."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.main.entrypoints.pages.frame import LANGUAGE_COOKIE, local, see
from services.main.entrypoints.pages.language import NAMES
from services.problem import Problem
from services.transport import read_form

router = APIRouter()

# Seconds.
_YEAR = 365 * 24 * 3600


@router.post("/pages/language")
async def choose_language(request: Request) -> Response:
    """Keep the language, and go back to where the visitor was."""
    sent = await read_form(request)
    if sent.get("language") not in NAMES:
        raise Problem(400, "unknown-language", f"There are {', '.join(NAMES)}.")
    response = see(local(sent.get("back")))
    response.set_cookie(LANGUAGE_COOKIE, sent["language"], max_age=_YEAR, secure=True, httponly=True, samesite="lax")
    return response
