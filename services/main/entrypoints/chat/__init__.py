"""The chat about a request: a socket, and its history by HTTP."""

from fastapi import APIRouter

from services.main.entrypoints.chat import history, websocket

router = APIRouter()
for module in (history, websocket):
    router.include_router(module.router)
