"""What packet filters do."""
