"""The message calls of Telegram's Bot API and of VK, in their own shapes."""

import json
from hmac import compare_digest
from urllib.parse import parse_qsl

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services import problem
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


def _telegram_error(status: int, description: str) -> Response:
    return JSONResponse({"ok": False, "error_code": status, "description": description}, status)


def _vk_error(code: int, message: str) -> Response:
    # VK answers 200 and tells the error inside.
    return JSONResponse({"error": {"error_code": code, "error_msg": message}})


def build(received: Received, password: Secret) -> FastAPI:
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
        message = received.keep("telegram", chat, text)
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
        key = f"{to} {random_id}"
        if key not in vk_messages:
            if len(vk_messages) >= 10_000:
                vk_messages.clear()
            vk_messages[key] = received.keep("vk", to, text).number
        return JSONResponse({"response": vk_messages[key]})

    @app.get("/received")
    async def get_received() -> dict[str, list[dict[str, object]]]:
        """For tests: what was taken, oldest first."""
        return {
            "received": [
                {"number": each.number, "at": each.at, "channel": each.channel, "to": each.to, "text": each.text}
                for each in received
            ]
        }

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    return app
