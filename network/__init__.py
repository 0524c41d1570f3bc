"""The one policy of the environment: read, compiled, proved, drawn and raised as a lab."""
