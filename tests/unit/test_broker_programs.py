"""The brokers' own programs on their hosts: what lies in them, which a switch waits for, and Kafka's rights."""

from pathlib import Path
from uuid import UUID

import pytest

from tests.unit.deployed import deployed

rabbitmq = deployed("roles/rabbitmq/files/sallyport_rabbitmq_queues.py")
redis = deployed("roles/redis/files/sallyport_redis_queues.py")
kafka = deployed("roles/kafka/files/sallyport_kafka.py")


def test_rabbitmq_pairs_queues_with_their_dead_letters() -> None:
    queues = [
        {"name": "messages.sender", "messages": 3},
        {"name": "messages.sender.dead", "messages": 1},
        {"name": "amq.gen-xyz", "messages": 7},
    ]
    assert rabbitmq.groups(queues) == [{"topic": "messages", "group": "sender", "waiting": 3, "dead": 1}]


@pytest.mark.parametrize("lag", [2, None])
def test_redis_counts_what_was_handed_out_and_what_was_not(lag: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*question: str) -> object:
        assert question == ("XRANGE", "events:messages", "(5-0", "+")
        return [["6-0", []], ["7-0", []]]

    monkeypatch.setattr(redis, "ask", ask)
    assert redis.waiting("events:messages", {"pending": 3, "lag": lag, "last-delivered-id": "5-0"}) == 5


ENDS = "messages:0:10\nmessages:1:4\nmessages.sender.dead:0:2\n"
STARTS = "messages:0:1\nmessages:1:0\nmessages.sender.dead:0:0\n"
GROUPS = """
GROUP            TOPIC     PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG  CONSUMER-ID  HOST  CLIENT-ID
messages.sender  messages  0          7               10              3    -            -     -
messages.sender  messages  1          -               4               4    -            -     -
"""


def test_kafka_counts_from_what_was_committed_or_from_the_start() -> None:
    ends, starts, places = kafka.offsets(ENDS), kafka.offsets(STARTS), kafka.committed(GROUPS)
    assert kafka.left("messages", "messages.sender", starts, ends, places) == 3 + 4
    assert kafka.left("messages", "messages.another", starts, ends, places) == 9 + 4
    assert kafka.left("messages.sender.dead", "messages.sender.letters", starts, ends, places) == 2


def test_every_right_that_kafka_lists_is_named_for_removal() -> None:
    listed = """
Current ACLs for resource `ResourcePattern(resourceType=TOPIC, name=registrations, patternType=LITERAL)`:
        (principal=User:main, host=*, operation=WRITE, permissionType=ALLOW)
Current ACLs for resource `ResourcePattern(resourceType=GROUP, name=registrations., patternType=PREFIXED)`:
        (principal=User:stats, host=*, operation=READ, permissionType=ALLOW)
"""
    assert kafka.resources(listed) == [
        ["--group", "registrations.", "--resource-pattern-type", "prefixed"],
        ["--topic", "registrations", "--resource-pattern-type", "literal"],
    ]


def test_a_cluster_id_that_begins_as_an_option_does_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    for piece in ("host.key", "host.pem", "ca.pem"):
        (tmp_path / piece).touch()
    for name, value in {"PKI": tmp_path, "KEYSTORE": tmp_path / "keystore", "STORAGE": tmp_path}.items():
        monkeypatch.setattr(kafka, name, value)
    monkeypatch.setattr(kafka.uuid, "uuid4", lambda: UUID(int=0xFB << 120))
    monkeypatch.setattr(kafka, "java", lambda *given: called.extend(given))
    kafka.prepare()
    assert [each for each in called if each.startswith("-")] == [
        "--cluster-id=-wAAAAAAAAAAAAAAAAAAAA",
        "-c",
        "--standalone",
    ]
