"""The hosts of a fleet: what they have loaded, what each does with packets, and how far packets get."""
