"""What a deferred job is, without a database or a network."""
