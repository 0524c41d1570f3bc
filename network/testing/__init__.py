"""The whole test run as a list of stages, what each needs, and what came of it."""
