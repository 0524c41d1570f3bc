"""What each process of the statistics service reads at its start."""

from dataclasses import dataclass

from services.broker import BrokerSettings
from services.metrics import read_port
from services.postgres import Database
from services.settings import Source

SCHEMA = "stats"


@dataclass(frozen=True, slots=True)
class StatsSettings:
    """The consumer. metrics_port: 0 for none."""

    environment: str
    database: Database
    broker: BrokerSettings
    metrics_port: int

    @classmethod
    def read(cls, source: Source) -> "StatsSettings":
        return cls(
            environment=source.text("SP_ENVIRONMENT", "unnamed"),
            database=Database.read(source, SCHEMA),
            broker=BrokerSettings.read(source),
            metrics_port=read_port(source),
        )


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Bringing the schema up to date, and counting anew."""

    database: Database

    @classmethod
    def read(cls, source: Source) -> "DatabaseSettings":
        return cls(Database.read(source, SCHEMA))
