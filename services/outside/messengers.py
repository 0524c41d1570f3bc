"""The message calls of Telegram's Bot API and of VK, in their own shapes."""

import json
from hmac import compare_digest
from urllib.parse import parse_qsl

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from services import problem
from services.outside.faults import Channel, Deed, Fault, Faults
from services.outside.received import Received
from services.settings import Secret
from services.transport import BodyLimit, Envelope


async def _parameters(request: Request) -> dict[str, str]:
    """What was sent, as JSON or as a form; nothing where it is neither."""
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            found = json.loads(body)
        except ValueError:
            return {}
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
    return dict(parse_qsl(body.decode("utf-8", "replace")))


class _Cut(Response):
    """Promises an answer and gives none: the server ends the connection, as when a line is cut."""

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"64")]})


def _telegram_error(status: int, description: str, **parameters: int) -> Response:
    content: dict[str, object] = {"ok": False, "error_code": status, "description": description}
    return JSONResponse(content | ({"parameters": parameters} if parameters else {}), status)


def _telegram_fault(fault: Fault) -> Response:
    match fault.deed:
        case Deed.FAIL:
            return _telegram_error(500, "Internal Server Error")
        case Deed.THROTTLE:
            wait = fault.retry_after
            return _telegram_error(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        case Deed.REFUSE:
            return _telegram_error(403, "Forbidden: bot was blocked by the user")
        case _:
            return _Cut()


def _vk_error(code: int, message: str) -> Response:
    # VK answers 200 and tells the error inside.
    return JSONResponse({"error": {"error_code": code, "error_msg": message}})


def _vk_fault(fault: Fault) -> Response:
    match fault.deed:
        case Deed.FAIL:
            return _vk_error(10, "Internal server error: Unknown error, try later")
        case Deed.THROTTLE:
            return _vk_error(6, "Too many requests per second")
        case Deed.REFUSE:
            return _vk_error(901, "Can't send messages for users without permission")
        case _:
            return _Cut()


def build(received: Received, faults: Faults, password: Secret) -> FastAPI:
    """The application; `password` is the bot's token and VK's access token."""
    app = FastAPI(title="Outside", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    problem.install(app)
    app.add_middleware(BodyLimit, most=65_536)
    app.add_middleware(Envelope)
    # VK's random_id: the same one again is the same message.
    vk_messages: dict[str, int] = {}

    def right(token: str) -> bool:
        return compare_digest(token.encode(), password.reveal().encode())

    @app.post("/bot{token}/sendMessage")
    async def send_message(request: Request, token: str) -> Response:
        if not right(token):
            return _telegram_error(401, "Unauthorized")
        given = await _parameters(request)
        chat, text = given.get("chat_id", ""), given.get("text", "")
        if not chat:
            return _telegram_error(400, "Bad Request: chat_id is empty")
        if not text:
            return _telegram_error(400, "Bad Request: message text is empty")
        fault = faults.befall(Channel.TELEGRAM, chat)
        if fault is None or fault.taken:
            message = received.keep(Channel.TELEGRAM, chat, text)
        if fault:
            await faults.hold(fault)
            return _telegram_fault(fault)
        result = {
            "message_id": message.number,
            "date": int(message.at.timestamp()),
            "chat": {"id": chat, "type": "private"},
            "text": text,
        }
        return JSONResponse({"ok": True, "result": result})

    @app.post("/method/messages.send")
    async def messages_send(request: Request) -> Response:
        given = await _parameters(request)
        if not right(given.get("access_token", "")):
            return _vk_error(5, "User authorization failed: invalid access_token")
        to, text, random_id = given.get("peer_id") or given.get("user_id"), given.get("message"), given.get("random_id")
        if not to or not text or not random_id:
            return _vk_error(100, "One of the parameters specified was missing or invalid")
        fault = faults.befall(Channel.VK, to)
        key = f"{to} {random_id}"
        if key not in vk_messages and (fault is None or fault.taken):
            if len(vk_messages) >= 10_000:
                vk_messages.clear()
            vk_messages[key] = received.keep(Channel.VK, to, text).number
        if fault:
            await faults.hold(fault)
            return _vk_fault(fault)
        return JSONResponse({"response": vk_messages[key]})

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    return app
