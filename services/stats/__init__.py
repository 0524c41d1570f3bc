"""The statistics service: counts registrations from their events, each once, and can count them anew from the log."""
