"""What runs in the background for as long as its process does."""

from services.loops.loop import lasting

__all__ = ["lasting"]
