"""Exact sets of packets."""
