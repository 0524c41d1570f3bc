"""Where jobs come by the broker: a relay that still calls is to wait, for its environment is about to change."""

from fastapi import APIRouter

from services.problem import Problem

router = APIRouter()


@router.post("/set-status/", include_in_schema=False)
async def set_status() -> None:
    """503, which a relay tries again. A refusal would make each of its jobs a dead letter."""
    raise Problem(503, "another-way", "Jobs come by the broker here.", headers={"Retry-After": "2"})
