"""How the broker's events reach the use cases."""
