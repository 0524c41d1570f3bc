"""What database and broker keep of a password, against published examples and an independent computation."""

import base64
import hashlib
import hmac

import pytest

from tests.unit.deployed import deployed

scram = deployed("roles/postgresql/filter_plugins/scram.py")
rabbitmq = deployed("roles/rabbitmq/filter_plugins/rabbitmq_hash.py")


def test_scram_verifier_has_postgresqls_shape_and_is_stable() -> None:
    verifier = scram.scram_verifier("secret", "lab:sp_main")
    assert verifier == scram.scram_verifier("secret", "lab:sp_main")
    assert verifier != scram.scram_verifier("secret", "lab:sp_status")
    scheme, iterations_and_salt, keys = verifier.split("$")
    iterations, salt = iterations_and_salt.split(":")
    assert (scheme, iterations, len(base64.b64decode(salt))) == ("SCRAM-SHA-256", "4096", 16)
    assert [len(base64.b64decode(key)) for key in keys.split(":")] == [32, 32]


def test_scram_keys_are_those_of_rfc_7677() -> None:
    """The RFC's example: its proof, taken with our stored key, gives back the client key."""
    stored, server = scram.keys("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    message = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
        b"r=" + nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        b"c=biws,r=" + nonce
    )  # fmt: skip
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client = bytes(a ^ b for a, b in zip(proof, hmac.digest(stored, message, "sha256"), strict=True))
    assert hashlib.sha256(client).digest() == stored
    assert base64.b64encode(hmac.digest(server, message, "sha256")) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.mark.parametrize("password", ["", "pässword"])
def test_scram_refuses_what_would_need_preparation(password: str) -> None:
    with pytest.raises(ValueError, match="ASCII"):
        scram.scram_verifier(password, "lab:sp_main")


def test_rabbitmq_hash_is_salt_then_digest() -> None:
    text = "a long and random password"
    raw = base64.b64decode(rabbitmq.rabbitmq_hash(text, "lab:main"))
    assert raw[4:] == hashlib.sha256(raw[:4] + text.encode()).digest()
    assert rabbitmq.rabbitmq_hash(text, "lab:main") == rabbitmq.rabbitmq_hash(text, "lab:main")
    assert rabbitmq.rabbitmq_hash(text, "lab:main") != rabbitmq.rabbitmq_hash(text, "lab:gateway")


def test_rabbitmq_refuses_a_short_password() -> None:
    with pytest.raises(ValueError, match="20 characters"):
        rabbitmq.rabbitmq_hash("guest", "lab:main")
