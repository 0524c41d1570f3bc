"""The message gateway: real processes, a real broker, and providers that speak the real protocols."""
