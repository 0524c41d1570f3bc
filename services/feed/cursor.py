"""Where a client is in the feed."""

import re
from dataclasses import dataclass

# Eighteen digits stay below the database's bigint.
PATTERN = r"[0-9a-f]{16}:[0-9]{1,18}"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything up to and with event `seq` of an epoch was seen. Written as `epoch:seq`."""

    epoch: str
    seq: int

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read a cursor as `str` writes it. ValueError for anything else."""
        if not re.fullmatch(PATTERN, text, re.ASCII):
            raise ValueError("a cursor is written as epoch:seq")
        epoch, _, seq = text.partition(":")
        return cls(epoch, int(seq))

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}"
