"""Numbered .sql files that bring a schema up to date.

Each file and the note that it was applied commit together, under a lock that ends with the connection: a migration that
is killed at any moment leaves either all of a file or nothing, and no lock for a person to break.
"""

from services.migration.files import Migration, MigrationError, pending, read
from services.migration.run import migrate

__all__ = ["Migration", "MigrationError", "migrate", "pending", "read"]
