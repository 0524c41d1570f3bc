"""The guarantees of the message broker, held by each kind."""
