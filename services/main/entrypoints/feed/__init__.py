"""The feed of live updates, four ways."""

from fastapi import APIRouter

from services.main.entrypoints.feed import polling, sse, websocket

router = APIRouter()
for module in (polling, sse, websocket):
    router.include_router(module.router)
