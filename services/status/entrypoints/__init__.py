"""HTTP: taking jobs, and health."""
