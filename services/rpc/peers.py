"""Which hosts may call."""

from collections.abc import Collection
from typing import Any

from grpc.aio import ServicerContext

from services.problem import Problem

_NAMES = "x509_subject_alternative_name"


class Peers:
    """The names of the hosts that may call. A certificate of our CA says which host one is, not what it may do."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(name.encode() for name in names)

    def check(self, context: ServicerContext[Any, Any]) -> None:
        """Raise a 403 problem unless the caller's certificate has one of the names."""
        if self._names.isdisjoint(context.auth_context().get(_NAMES, ())):
            raise Problem(403, "peer-refused", "The certificate is of no host that may call here.")
