"""What our HTTP servers and clients share: the envelope around each request, limits, bearer tokens, TLS."""

from services.transport.bearer import Bearer
from services.transport.body_limit import BodyLimit
from services.transport.client import Client, tls_client
from services.transport.envelope import Envelope
from services.transport.form_body import read_form
from services.transport.head import Head
from services.transport.idempotency import IDEMPOTENCY_KEY, idempotency_key
from services.transport.identity import Identity
from services.transport.json_body import read_json, request_body
from services.transport.server import CIPHERS, Listener, serve, serve_all, stop_on_signal

__all__ = [
    "CIPHERS",
    "IDEMPOTENCY_KEY",
    "Bearer",
    "BodyLimit",
    "Client",
    "Envelope",
    "Head",
    "Identity",
    "Listener",
    "idempotency_key",
    "read_form",
    "read_json",
    "request_body",
    "serve",
    "serve_all",
    "stop_on_signal",
    "tls_client",
]
