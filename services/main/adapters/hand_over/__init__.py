"""The ways by which a job goes to the async service."""

from services.main.adapters.hand_over.opening import open_way
from services.main.adapters.hand_over.port import HandOver

__all__ = ["HandOver", "open_way"]
