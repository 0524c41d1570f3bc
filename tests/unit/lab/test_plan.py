"""Each file of ``plan`` is what the engine has of a lab of two hosts, and what must be changed about it.

What a case does not say of a network or a container is as drawn.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from network.lab.blueprint import Attachment, Blueprint, Container, Segment, specification
from network.lab.plan import decide, found

HERE = Path(__file__).parent
CASES = sorted((HERE / "plan").glob("*.yml"))

SEGMENTS = (
    Segment("sallyport-0-internet", "sp-internet", "internet", ("192.168.56.0/24",), ("192.168.56.1",), True, None),
    Segment("sallyport-dmz", "sp-dmz", "dmz", ("192.168.57.0/24",), ("192.168.57.1",), False, None),
)
CONTAINERS = (
    Container(
        "sallyport-edge1",
        "edge1",
        "base",
        (Attachment("sallyport-0-internet", "192.168.56.2", None), Attachment("sallyport-dmz", "192.168.57.2", None)),
        (),
        (),
    ),
    Container("sallyport-web1", "web1", "base", (Attachment("sallyport-dmz", "192.168.57.10", None),), (), ()),
)
DRAWN = Blueprint({item.name: item for item in SEGMENTS}, {item.name: item for item in CONTAINERS})


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case_planned_as_expected(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    there = found(
        [_container(name, given or {}) for name, given in (case["containers"] or {}).items()],
        [_network(name, given or {}) for name, given in (case["networks"] or {}).items()],
    )
    plan = decide(DRAWN, there)
    assert {
        "remove_containers": list(plan.remove_containers),
        "remove_networks": list(plan.remove_networks),
        "create_networks": [item.name for item in plan.create_networks],
        "create_containers": [item.name for item in plan.create_containers],
        "start": list(plan.start),
        "unpause": list(plan.unpause),
        "reasons": dict(plan.reasons),
    } == {
        "remove_containers": [],
        "remove_networks": [],
        "create_networks": [],
        "create_containers": [],
        "start": [],
        "unpause": [],
        "reasons": {},
        **(case["expected"] or {}),
    }


def test_strangers_are_other_checkouts_that_are_still_there(tmp_path: Path) -> None:
    other, gone, own = (str(tmp_path / name) for name in ("other", "gone", "own"))
    Path(other).mkdir()
    there = found(
        [_container("sallyport-web1", {"home": own}), _container("sallyport-edge1", {"home": gone})],
        [_network("sallyport-dmz", {"home": other})],
    )
    assert there.strangers(Path(own)) == (other,)


def test_specification_changes_with_the_address() -> None:
    web = CONTAINERS[1]
    moved = replace(web, attachments=(Attachment("sallyport-dmz", "192.168.57.11", None),))
    assert specification(web) == specification(replace(web))
    assert specification(web) != specification(moved)


def _network(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return what ``docker network inspect`` says of a network."""
    drawn = DRAWN.segments.get(name)
    digest = given.get("specification", specification(drawn) if drawn else "")
    labels = {"sallyport.specification": digest, "sallyport.home": given.get("home", "/home")}
    return {"Name": name, "Id": given.get("id", f"id-of-{name}"), "Driver": "bridge", "Labels": labels}


def _container(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return what ``docker inspect`` says of a container."""
    drawn = DRAWN.containers.get(name)
    digest = given.get("specification", specification(drawn) if drawn else "")
    state = given.get("state", "running")
    attached = given.get("attached", {item.segment: item.v4 for item in drawn.attachments} if drawn else {})
    return {
        "Name": f"/{name}",
        "State": {"Status": state, "Running": state == "running"},
        "Config": {"Labels": {"sallyport.specification": digest, "sallyport.home": given.get("home", "/home")}},
        "NetworkSettings": {
            "Networks": {
                network: {
                    "IPAMConfig": {"IPv4Address": address},
                    "NetworkID": "" if state == "created" else given.get("ids", {}).get(network, f"id-of-{network}"),
                }
                for network, address in attached.items()
            }
        },
    }
