"""PostgreSQL: how services connect, and how they find their SQL."""

from services.postgres.database import UNAVAILABLE, Database
from services.postgres.notifications import listen
from services.postgres.queries import Queries, UnknownQueryError
from services.postgres.text import storable

__all__ = ["UNAVAILABLE", "Database", "Queries", "UnknownQueryError", "listen", "storable"]
