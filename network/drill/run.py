"""Runs one drill: load and fault side by side, then the count."""

import time
from concurrent.futures import ThreadPoolExecutor

from network.drill.catalogue import Drill
from network.drill.faults import Place
from network.drill.ledger import Ledger, settle
from network.drill.load import Load, burst, visit

USER = "creator"
# Requests come in before it breaks, and after it is whole again (seconds).
LEAD, TRAIL = 4.0, 4.0


def run(drill: Drill, place: Place, password: str, seconds: float) -> tuple[Load, Ledger]:
    """Break things for `seconds` while requests come in; then wait until they are done, and count.

    Raises RemoteError where a host fails in another way than the drill meant.
    """
    with ThreadPoolExecutor(1) as pool:
        if drill.burst:
            loading = pool.submit(burst, place.shell("db"), USER, drill.burst)
        else:
            whole = LEAD + seconds + TRAIL
            loading = pool.submit(visit, place.shell("visitor"), place.model, USER, password, whole)
        if drill.fault is not None:
            time.sleep(LEAD)
            drill.fault(place, seconds)
        load = loading.result()
    place.say(f"{len(load.accepted)} requests accepted, {load.tries} calls made again")
    return load, settle(place.shell("db"), load.accepted, drill.settling)
