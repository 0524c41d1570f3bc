"""What others said, before it is written down."""

# Characters.
MOST = 500


def storable(text: str) -> str:
    """As PostgreSQL takes it: no NUL, no halves of a pair; and not too long."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:MOST]
