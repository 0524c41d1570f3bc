"""The transactional outbox: what is to be sent lies in the database, and a relay sends it at least once.

Contract of the store (each service keeps it with its own SQL):
- `claim` takes messages that are due, counts the attempt, and puts them out of sight for the length of the lease. Two
  relays never hold one message at the same time; a relay that dies gives its messages back when the lease runs out.
- `settle` writes verdicts, each only while this claim of this attempt stands: a relay that was too slow changes
  nothing.
- Nothing is deleted before it is delivered. A message may be sent twice, so receivers are idempotent.
"""

from services.outbox.alarm import Alarm
from services.outbox.gauges import keep_gauges
from services.outbox.relay import Message, Pace, Relay, Store
from services.outbox.settings import read_lease
from services.outbox.store import PostgresStore

__all__ = ["Alarm", "Message", "Pace", "PostgresStore", "Relay", "Store", "keep_gauges", "read_lease"]
