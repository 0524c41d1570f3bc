"""The way as a setting, the same on both sides."""

from enum import Enum

from services.settings import Source


class Way(Enum):
    """How jobs come from main to the async service."""

    HTTP = "http"
    GRPC = "grpc"
    BROKER = "broker"


def read_way(source: Source) -> Way:
    """SP_TRANSPORT: http, grpc or broker."""
    return source.choice("SP_TRANSPORT", Way, Way.HTTP)
