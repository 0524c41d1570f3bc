from pathlib import Path

from network.lab.blueprint import Port
from network.lab.status import DoorStatus, HostStatus, door, table, understood

WEB = HostStatus("web1", ("dmz",), "192.168.57.10", "running", "running", True, ("nginx", "sallyport-main"), ())
DB = HostStatus("db1", ("data",), "192.168.60.10", "running", "degraded", True, (), ("postgresql@15-main.service",))
NONE = HostStatus("core1", ("dmz", "data"), "192.168.61.3", "absent", "unknown", False, (), ())


def test_answer_of_a_host() -> None:
    said = (
        "degraded\n--\nsquid.service loaded failed failed Squid\n--\n"
        "nginx.service loaded active running nginx\nssh.service loaded active running ssh\n"
        "sallyport-lab-early.service loaded active exited early\n"
    )
    assert understood(said) == ("degraded", ("nginx",), ("squid.service",))


def test_no_answer_of_a_host() -> None:
    assert understood("") == ("unknown", (), ())


def test_only_a_host_with_nothing_amiss_is_healthy() -> None:
    assert [row.healthy for row in (WEB, DB, NONE)] == [True, False, False]


def test_table() -> None:
    lines = table([WEB, DB, NONE], {"https": DoorStatus("https://127.0.0.1:8443/", "200", True)})
    assert lines == [
        "host   zones     address        container  system    ssh  services",
        "web1   dmz       192.168.57.10  running    running   yes  nginx sallyport-main",
        "db1    data      192.168.60.10  running    degraded  yes  postgresql@15-main.service=FAILED",
        "core1  dmz,data  192.168.61.3   absent     unknown   no   -",
        "",
        "https: https://127.0.0.1:8443/ 200",
    ]


def test_door_before_there_is_an_authority(tmp_path: Path) -> None:
    assert door(Port("127.0.0.1", 9, 443), "localhost", tmp_path / "ca.pem").answer == "not provisioned yet"
