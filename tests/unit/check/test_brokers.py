"""What each broker says of itself, good and bad."""

from pathlib import Path

import pytest

from network.check.controls import kafka, redis
from network.check.expectation import expectation
from network.check.facts import Facts
from network.read import load

EXPECTED = expectation(load(Path("network/policy.yml"), Path("inventory/lab")), "broker1")

REDIS = """\
{"port":"0"}
{"appendonly":"yes"}
{"appendfsync":"always"}
{"flags":["off","sanitize-payload"],"passwords":[],"commands":"+@all","keys":"~*","channels":"&*","selectors":[]}
"""
KAFKA = """\
listeners=CLIENTS://192.168.59.10:9093,ADMIN://127.0.0.1:9092,CONTROLLER://127.0.0.1:9091
listener.security.protocol.map=CLIENTS:SASL_SSL,ADMIN:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
"""


def said(text: str) -> Facts:
    return Facts("broker1", {"broker": {"status": 0, "out": text}})


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("", "", None),
        ('["off"', '["on"', "the default user may log in"),
        ('"port":"0"', '"port":"6380"', "port is 6380"),
        ('"always"', '"everysec"', "appendfsync is everysec"),
        (REDIS, "NOAUTH Authentication required.", "Redis could not be asked: NOAUTH Authentication required."),
        (REDIS.splitlines()[3], "", "Redis could not be asked"),
    ],
)
def test_redis(old: str, new: str, finding: str | None) -> None:
    findings = redis(EXPECTED, said(REDIS.replace(old, new)))
    assert len(findings) == (finding is not None)
    assert not findings or findings[0].startswith(finding or "")


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("", "", None),
        ("ADMIN://127.0.0.1", "ADMIN://0.0.0.0", "ADMIN listens on 0.0.0.0:9092 and speaks SASL_PLAINTEXT"),
        ("CLIENTS:SASL_SSL", "CLIENTS:SSL", "CLIENTS listens on 192.168.59.10:9093 and speaks SSL"),
        ("authorizer.class.name=", "#", "nothing asks what a client may do"),
        ("found=false", "found=true", "what no rule names is open to everyone"),
        ("listeners=", "pending=/etc/kafka/server.properties\nlisteners=", "/etc/kafka/server.properties is not in"),
    ],
)
def test_kafka(old: str, new: str, finding: str | None) -> None:
    findings = kafka(EXPECTED, said(KAFKA.replace(old, new)))
    assert len(findings) == (finding is not None)
    assert not findings or findings[0].startswith(finding or "")
