"""HTTP: taking messages, looking after them, and health."""
