"""The use cases' ports, on PostgreSQL and HTTP."""
