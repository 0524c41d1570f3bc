"""gRPC between our services: channels and servers with TLS on both ends, and what a refusal looks like."""

from services.rpc.channel import open_channel
from services.rpc.envelope import Context, Envelope, metadata_of
from services.rpc.peers import Peers
from services.rpc.server import Offer, serve
from services.rpc.status import outcome_of, status_of

__all__ = [
    "Context",
    "Envelope",
    "Offer",
    "Peers",
    "metadata_of",
    "open_channel",
    "outcome_of",
    "serve",
    "status_of",
]
