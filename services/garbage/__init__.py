"""How often a process looks for garbage that reference counting leaves behind."""

import gc

# Allocations between two looks at the youngest objects. A request makes thousands, and nearly all of them are freed
# without any looking; the looks took a twelfth of the services' time under load.
ALLOCATIONS = 50_000


def look_rarely() -> None:
    """Take what is there now for permanent, and look for garbage rarely. Called once, when all is imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 50, 100)
