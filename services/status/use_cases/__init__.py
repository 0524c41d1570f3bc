"""What the async service does: it accepts jobs, and reports their results."""
