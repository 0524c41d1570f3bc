"""Packet filters as text and as values."""
