"""Requests that come in from the visitor's host, through edge, nginx and TLS, while something is broken."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from network.check.shell import Shell, tell
from network.drill.ledger import query
from network.model import Model
from network.path import front_door

# How long a visitor tries again what was begun (seconds), once nothing new is begun.
PATIENCE = 60.0
# Stocks in a request. With more of them the catalogue must have as many.
_ITEMS = 1


@dataclass(frozen=True)
class Load:
    """What a visitor saw. tries: calls that failed on the way and were made again."""

    accepted: Sequence[int]
    unanswered: int
    tries: int
    error: str | None


def visit(
    visitor: Shell, model: Model, user: str, password: str, seconds: float, *, items: int = _ITEMS, every: float = 0.0
) -> Load:
    """Have a creator form requests for `seconds`: one every so many seconds, or one after the other.

    Raises RemoteError where the visitor's host fails.
    """
    address, port = front_door(model)
    name = model.fleet.public_names[0]
    given: dict[str, Any] = {
        "ca": "/etc/sallyport/pki/ca.pem",
        "address": str(address),
        "port": port,
        "name": name,
        "origin": f"https://{name}" + ("" if port == 443 else f":{port}"),
        "user": user,
        "password": password,
        "seconds": seconds,
        "patience": PATIENCE,
        "items": items,
        "every": every,
    }
    return Load(**tell(visitor, "form", given))


_BURST = """
WITH creator AS (SELECT id FROM main.users WHERE name = :'user'),
drawn AS (
    INSERT INTO main.requests (creator_id, state, formed_at)
    SELECT creator.id, 'formed', now() FROM creator, generate_series(1, :count) RETURNING id
),
items AS (
    INSERT INTO main.request_items (request_id, stock_id, quantity, job_id)
    SELECT drawn.id, (SELECT min(id) FROM main.stocks WHERE status = 'active'), 1, gen_random_uuid() FROM drawn
    RETURNING request_id, stock_id, job_id
),
sent AS (
    INSERT INTO main.outbox (topic, payload, correlation_id)
    SELECT 'set-status', jsonb_build_object('pk', stock_id, 'job', job_id, 'request', request_id), 'drill-burst'
    FROM items
)
SELECT json_agg(request_id) FROM items;
"""


def burst(database: Shell, user: str, count: int) -> Load:
    """Form `count` requests in one transaction, as main writes them: more at once than visitors are let through nginx.

    The triggers that watch over single steps are passed over, for they allow no request that begins formed.
    """
    text = f"BEGIN; SET LOCAL session_replication_role = replica; {_BURST} COMMIT; NOTIFY main_outbox;"
    said = query(database, text, user=user, count=str(count))
    return Load(json.loads(said), 0, 0, None)
