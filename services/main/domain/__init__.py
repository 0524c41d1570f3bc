"""What the service is about, without a database or a network."""
