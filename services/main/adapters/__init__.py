"""The use cases' ports, on PostgreSQL, argon2 and HTTP."""
