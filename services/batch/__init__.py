"""Group commit: calls that come at the same time share one statement and one commit."""

from services.batch.batch import Batch

__all__ = ["Batch"]
