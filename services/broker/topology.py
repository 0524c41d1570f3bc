"""Which groups take from which topic. Publishers and consumers both make it, so neither waits for the other's start."""

from collections.abc import Mapping

GROUPS: Mapping[str, tuple[str, ...]] = {
    "messages": ("sender",),
    "jobs": ("status",),
    "registrations": ("welcome", "statistics"),
}
"""Topic to groups. A topic that nobody takes from is none: what is published must be kept for somebody."""
