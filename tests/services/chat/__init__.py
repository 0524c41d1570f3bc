"""The chat: its protocol, its convergence, and its browsers."""
