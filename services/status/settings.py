"""What each process of the async service reads at its start."""

from dataclasses import dataclass
from pathlib import Path

from services.broker import BrokerSettings
from services.hand_over import Way, read_way
from services.metrics import read_port
from services.outbox import read_lease
from services.postgres import Database
from services.settings import Secret, Source
from services.signing import read_signing_key
from services.tracing import read_collector
from services.transport import Listener

SCHEMA = "status"


@dataclass(frozen=True, slots=True)
class StatusSettings:
    """The async service.

    defer, lease: seconds. backlog: jobs that may wait before more are turned away. seed: makes results repeatable; for
    tests. way: how jobs come. set_status_token: what callers show; empty where jobs come by the broker. broker: where
    they come by it. callers: hosts that may call by gRPC. reflection: whether
    gRPC tells what it offers. collector: where spans go, empty for nowhere. metrics_port: 0 for none.
    """

    environment: str
    database: Database
    way: Way
    listener: Listener
    broker: BrokerSettings | None
    callers: frozenset[str]
    reflection: bool
    ca: Path
    callback_url: str
    defer: float
    lease: float
    backlog: int
    seed: str | None
    set_status_token: Secret
    callback_token: Secret
    callback_signing_key: Secret
    collector: str
    metrics_port: int

    @classmethod
    def read(cls, source: Source) -> "StatusSettings":
        way = read_way(source)
        return cls(
            environment=source.text("SP_ENVIRONMENT", "unnamed"),
            database=Database.read(source, SCHEMA),
            way=way,
            listener=Listener.tls(source, 3000),
            broker=BrokerSettings.read(source) if way is Way.BROKER else None,
            callers=source.names("SP_CALLERS") if way is Way.GRPC else frozenset(),
            reflection=source.flag("SP_GRPC_REFLECTION"),
            ca=source.file("SP_CA_FILE"),
            callback_url=source.https_url("SP_CALLBACK_URL"),
            defer=source.number("SP_DEFER_SECONDS", 5.0, least=0.0, most=86400.0),
            lease=read_lease(source),
            backlog=int(source.number("SP_BACKLOG_MOST", 100_000, least=1, most=10_000_000)),
            seed=source.text("SP_RESULT_SEED", "") or None,
            set_status_token=Secret("") if way is Way.BROKER else source.secret("set_status_token"),
            callback_token=source.secret("callback_token"),
            callback_signing_key=read_signing_key(source),
            collector=read_collector(source),
            metrics_port=read_port(source),
        )


@dataclass(frozen=True, slots=True)
class MigrateSettings:
    """Bringing the schema up to date."""

    database: Database

    @classmethod
    def read(cls, source: Source) -> "MigrateSettings":
        return cls(Database.read(source, SCHEMA))
