"""Registering, signing in and out."""

from fastapi import APIRouter
from starlette.responses import Response

from services.main.domain.errors import InvalidField, NameTaken, SignInRefused, TooManyAttempts
from services.main.entrypoints.guards import client_address
from services.main.entrypoints.pages.fields import Filled, read_fields
from services.main.entrypoints.pages.frame import Asked, Frame, local, page, see
from services.main.entrypoints.pages.refusals import status_of
from services.main.entrypoints.pages.wording import RULES, refusal
from services.main.entrypoints.sessions import begin_session, keep_session, leave_session
from services.main.entrypoints.shapes import Credentials, Registration
from services.main.use_cases.signing_in import register
from services.transport import read_form

router = APIRouter()


@router.get("/pages/login")
async def login_page(frame: Asked, next: str = "/") -> Response:  # noqa: A002 - the query's own word
    if frame.user is not None:
        return see(local(next))
    return await _login(frame, Filled(), next=next)


@router.post("/pages/login")
async def login(frame: Asked) -> Response:
    sent = await read_form(frame.request)
    then = local(sent.get("next"))
    filled = Filled({"name": sent.get("name", "")})
    credentials, _ = read_fields(Credentials, {"name": sent.get("name"), "password": sent.get("password")})
    if credentials is None:
        # Which of them is wrong is not said, not even where it is plain.
        return await _login(frame, filled, 422, next=then, alert=refusal(frame.language, SignInRefused(), 401))
    try:
        _, token = await begin_session(frame.request, frame.parts, credentials)
    except (SignInRefused, TooManyAttempts) as error:
        status = status_of(error)
        return await _login(frame, filled, status, next=then, alert=refusal(frame.language, error, status))
    response = see(then)
    keep_session(response, token)
    return response


@router.get("/pages/register")
async def register_page(frame: Asked, next: str = "/") -> Response:  # noqa: A002 - the query's own word
    if frame.user is not None:
        return see(local(next))
    return await _register(frame, Filled(), next=next)


@router.post("/pages/register")
async def register_creator(frame: Asked) -> Response:
    """Become a creator, and be signed in at once."""
    sent = await read_form(frame.request)
    then = local(sent.get("next"))
    values = {"name": sent.get("name", ""), "email": sent.get("email", "").strip() or None}
    wanted, faults = read_fields(Registration, values | {"password": sent.get("password")})
    if wanted is None:
        return await _register(frame, Filled(values, faults), 422, next=then)
    address = client_address(frame.request)
    try:
        await register(
            frame.parts.work, frame.parts.passwords, wanted.name, wanted.email, wanted.password, address=address
        )
        credentials = Credentials(name=wanted.name, password=wanted.password)
        _, token = await begin_session(frame.request, frame.parts, credentials)
    except InvalidField as error:
        return await _register(frame, Filled(values, {error.at: RULES[error.at]}), 422, next=then)
    except NameTaken as error:
        faults = {"name": refusal(frame.language, error, 409)}
        return await _register(frame, Filled(values, faults), 409, next=then)
    except TooManyAttempts as error:
        alert = refusal(frame.language, error, 429)
        return await _register(frame, Filled(values), 429, next=then, alert=alert)
    response = see(then, "welcome")
    keep_session(response, token)
    return response


@router.post("/pages/logout")
async def logout(frame: Asked) -> Response:
    response = see("/", "signed-out")
    await leave_session(frame.request, response, frame.parts)
    return response


async def _login(frame: Frame, form: Filled, status: int = 200, *, next: str, alert: str = "") -> Response:  # noqa: A002
    return await page(frame, "login.html", status, form=form, next=local(next), alert=alert)


async def _register(frame: Frame, form: Filled, status: int = 200, *, next: str, alert: str = "") -> Response:  # noqa: A002
    return await page(frame, "register.html", status, form=form, next=local(next), alert=alert)
