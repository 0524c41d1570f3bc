"""The proof's own test: single changes of what is loaded, each of which must break a claim or change nothing at all."""
