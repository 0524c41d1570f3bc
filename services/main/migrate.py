"""Brings the schema `main` up to date and seeds its users, as the schema's owner: `python -m services.main.migrate`.

Prints one line of JSON: `{"changed": true, "applied": ["0001_tables"], "users": ["creator"]}`.
Running it again changes nothing.
"""

import json
import sys
from collections.abc import Mapping

import psycopg
from argon2 import PasswordHasher

from services.main.adapters.passwords import Argon2Passwords
from services.main.domain.user import Role
from services.main.settings import MigrateSettings
from services.migration import MigrationError, migrate, read
from services.postgres import Database, Queries
from services.settings import Secret, load


def seed_users(database: Database, users: Mapping[str, Secret], passwords: Argon2Passwords) -> list[str]:
    """Create the users, and give those a new password whose password is another. Returns the names of both kinds.

    The user named `moderator` is a moderator; the others are creators.
    """
    queries = Queries.of_package("services.main")
    changed = []
    with psycopg.connect(**database.arguments("sallyport-migrate")) as connection:
        for name, password in users.items():
            row = connection.execute(queries["find_user"], {"name": name}).fetchone()
            if row and passwords.verify(row[3], password.reveal()):
                continue
            role = Role.MODERATOR if name == Role.MODERATOR else Role.CREATOR
            arguments = {"name": name, "role": role.value, "password_hash": passwords.hash(password.reveal())}
            found = connection.execute(queries["put_user"], arguments).fetchone()
            assert found is not None
            connection.execute(queries["end_sessions_of_user"], {"user_id": found[0]})
            changed.append(name)
    return changed


def main() -> None:
    settings = load(MigrateSettings.read)
    try:
        applied = migrate(settings.database, read("services.main"))
        users = seed_users(settings.database, settings.app_users, Argon2Passwords(PasswordHasher()))
    except (MigrationError, psycopg.Error) as error:
        sys.stderr.write(f"migrate: {error}\n")
        raise SystemExit(1) from None
    sys.stdout.write(json.dumps({"changed": bool(applied or users), "applied": applied, "users": users}) + "\n")


if __name__ == "__main__":
    main()
