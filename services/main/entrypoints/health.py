"""Health, for the host itself: nginx does not publish it."""

from fastapi import APIRouter

from services.main.entrypoints.guards import PartsOfApp
from services.problem import Problem

router = APIRouter(prefix="/health", include_in_schema=False)


@router.get("/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/ready")
async def ready(parts: PartsOfApp) -> dict[str, str]:
    """The database answers and has our tables, and the feed is followed; else 503."""
    async with parts.pool.connection(timeout=2.0) as connection:
        await connection.execute(parts.queries["ready"])
    if not parts.hub.following:
        raise Problem(503, detail="The feed is not followed.", headers={"Retry-After": "1"})
    return {"status": "ready"}
