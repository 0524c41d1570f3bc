"""Whatever the files hold, reading them ends in a model or in a UserError."""

from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from network.errors import UserError
from network.read import model_of
from network.read.tree import parse
from tests.unit.read.environment import HERE, files

BASE = files(HERE / "base")
PLACES = [
    (name, at, word)
    for name, content in BASE.items()
    for at, line in enumerate(content.decode().splitlines())
    for word in line.replace(":", " ").replace(",", " ").replace("{", " ").replace("}", " ").split()
]
ODD = st.sampled_from(
    [
        *(
            "",
            "{}",
            "[]",
            "null",
            "no",
            "1",
            "1.5",
            "-1",
            "2027-01-01",
            "'{{ x }}'",
            "[a, [b]]",
            "{a: {b: c}}",
            "<<",
            "*a",
        ),
        *("&a b", "!x y", "? z", "0.0.0.0/0", "::/0", "fe80::1%eth0", "::ffff:10.0.0.1", "10.0.1.0/33", "a" * 300),
        *("all", "internet", "fleet", "edge", "web1", "tcp/1-65535", "udp/99999", "ü", "-", "|", ">", "\t"),
    ]
)


def read(changed: dict[str, bytes]) -> None:
    given_files = {**BASE, **changed}
    policy = given_files.pop("policy.yml")
    with suppress(UserError):
        model_of("policy.yml", policy, "inventory", given_files)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_bytes(content: bytes) -> None:
    with suppress(UserError):
        parse(content, "file")


@given(st.text(alphabet="{}[]:,-?&*!|>'\"%@ \n\tab1#", max_size=60))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_punctuation(content: str) -> None:
    with suppress(UserError):
        parse(content.encode(), "file")


@given(st.lists(st.tuples(st.sampled_from(PLACES), ODD), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_any_word_replaced(changes: list[tuple[tuple[str, int, str], str]]) -> None:
    changed: dict[str, bytes] = {}
    for (name, at, word), odd in changes:
        lines = changed.get(name, BASE[name]).decode().splitlines()
        lines[at] = lines[at].replace(word, odd, 1)
        changed[name] = "\n".join(lines).encode()
    read(changed)


@given(st.sampled_from(sorted({(name, at) for name, at, _ in PLACES})))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_line_left_out(place: tuple[str, int]) -> None:
    name, at = place
    lines = BASE[name].decode().splitlines()
    read({name: "\n".join(lines[:at] + lines[at + 1 :]).encode()})
