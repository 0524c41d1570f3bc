"""Which broker, and how to reach it."""

import ssl
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from services.settings import Secret, Source


class Kind(Enum):
    """The brokers there are adapters for."""

    RABBITMQ = "rabbitmq"
    REDIS = "redis"
    KAFKA = "kafka"


# What each listens on with TLS.
PORTS = {Kind.RABBITMQ: 5671, Kind.REDIS: 6379, Kind.KAFKA: 9093}


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """SP_BROKER_KIND, _HOST, _PORT, _USER, and the credential broker_password. Always TLS, verified against our CA.

    hold: seconds for which a consumer that fell silent keeps its place before another may take it.
    """

    kind: Kind
    host: str
    port: int
    user: str
    password: Secret
    ca: Path
    hold: float = 10.0

    @classmethod
    def read(cls, source: Source) -> "BrokerSettings":
        text = source.text("SP_BROKER_KIND", Kind.RABBITMQ.value)
        kind = next((each for each in Kind if each.value == text), None)
        if kind is None:
            source.fault(f"SP_BROKER_KIND: {text!r} is none of {', '.join(each.value for each in Kind)}")
        return cls(
            kind=kind or Kind.RABBITMQ,
            host=source.text("SP_BROKER_HOST"),
            port=source.port("SP_BROKER_PORT", PORTS[kind or Kind.RABBITMQ]),
            user=source.text("SP_BROKER_USER"),
            password=source.secret("broker_password"),
            ca=source.file("SP_CA_FILE"),
        )

    def tls(self) -> ssl.SSLContext:
        """The server must prove its name with a certificate of our CA."""
        return ssl.create_default_context(cafile=str(self.ca))
