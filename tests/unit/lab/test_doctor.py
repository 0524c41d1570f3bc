from dataclasses import replace
from ipaddress import ip_network

from network.lab.blueprint import Port
from network.lab.doctor import Finding, Machine, judge, problems
from network.lab.plan import Found, FoundContainer
from network.read.collision import MachineNetwork
from tests.unit.lab.fleet import model

GIB = 2**30
WELL = Machine(
    python=(3, 11),
    cores=2,
    memory_available=8 * GIB,
    disk_free=20 * GIB,
    programs_missing=(),
    may_install=True,
    engine={"ServerVersion": "20.10", "CgroupVersion": "1"},
    engine_refusal="",
    inotify_instances=1024,
    root=True,
)


def of(machine: Machine, subject: str) -> Finding:
    return next(finding for finding in judge(machine, model()) if finding.subject == subject)


def lab(state: str) -> Found:
    return Found({}, {"sallyport-web1": FoundContainer("sallyport-web1", state, "/home", "", {})})


def test_a_machine_that_is_well() -> None:
    assert {finding.verdict for finding in judge(WELL, model())} == {"ok"}
    assert problems(judge(WELL, model())) == ()


def test_everything_that_is_not_well_says_how_to_mend_it() -> None:
    ill = Machine(
        python=(3, 9),
        cores=1,
        memory_available=GIB,
        disk_free=GIB,
        programs_missing=("openssh-client",),
        may_install=False,
        engine=None,
        engine_refusal="no docker command",
        inotify_instances=128,
        root=False,
        networks=(MachineNetwork(ip_network("192.168.0.0/16"), "tun0"),),
        ports_taken=(Port("127.0.0.1", 2222, 22),),
        strangers=("/elsewhere/.sallyport/lab",),
    )
    findings = judge(ill, model())
    assert all(finding.remedy for finding in findings)
    assert {finding.subject for finding in findings if finding.verdict == "fail"} == {
        "python", "engine", "programs", "memory", "disk", "inotify", "networks", "ports", "leftovers"
    }  # fmt: skip
    assert len(problems(findings)) == sum(finding.verdict == "fail" for finding in findings)


def test_what_up_mends_itself_is_only_a_warning() -> None:
    bare = replace(
        WELL,
        engine=None,
        engine_refusal="no docker command",
        programs_missing=("openssh-client",),
        inotify_instances=128,
    )
    assert [of(bare, subject).verdict for subject in ("engine", "programs", "inotify")] == ["warn"] * 3
    assert problems(judge(bare, model())) == ()


def test_memory_a_running_lab_has_taken_is_not_missed() -> None:
    assert of(replace(WELL, memory_available=GIB), "memory").verdict == "fail"
    assert of(replace(WELL, memory_available=3 * GIB), "memory").verdict == "warn"
    assert of(replace(WELL, memory_available=GIB, lab=lab("running")), "memory").verdict == "ok"


def test_own_bridge_is_no_collision() -> None:
    bridge, stranger = (
        MachineNetwork(ip_network("192.168.56.0/24"), name) for name in ("sp-internet", "br-0123456789ab")
    )
    assert of(replace(WELL, networks=(stranger,)), "networks").verdict == "fail"
    assert of(replace(WELL, networks=(bridge,)), "networks").verdict == "ok"


def test_networks_are_not_compared_without_a_model() -> None:
    assert next(item for item in judge(WELL, None) if item.subject == "networks").verdict == "warn"


def test_stopped_containers_are_told() -> None:
    assert of(replace(WELL, lab=lab("exited")), "leftovers").text == "1 of 1 containers stopped"
