"""The async service: takes deferred jobs, waits, draws a result and reports it back."""
