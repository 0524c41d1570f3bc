"""The lease as a setting."""

from services.settings import Source


def read_lease(source: Source) -> float:
    """SP_LEASE_SECONDS: how long a claim holds without a sign of life."""
    return source.number("SP_LEASE_SECONDS", 30.0, least=1.0, most=600.0)
