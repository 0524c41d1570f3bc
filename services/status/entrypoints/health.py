"""Health."""

from fastapi import APIRouter

from services.status.entrypoints.set_status import PartsOfApp

router = APIRouter(prefix="/health", include_in_schema=False)


@router.get("/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/ready")
async def ready(parts: PartsOfApp) -> dict[str, str]:
    """The database answers and has our tables; else 503."""
    await parts.ready()
    return {"status": "ready"}
