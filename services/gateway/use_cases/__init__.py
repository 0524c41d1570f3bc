"""What the gateway does: it accepts messages, sends them, and lets a person see and decide."""
