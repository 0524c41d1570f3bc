"""What a message is, and what becomes of it, without a database or a network."""
