"""Filter `rabbitmq_hash`: what RabbitMQ keeps of a password, so that the password itself stays here."""

import base64
import hashlib
from collections.abc import Callable


def rabbitmq_hash(password: str, salted_with: str) -> str:
    """Return the salted hash (rabbit_password_hashing_sha256: four bytes of salt, then SHA-256 of salt and password).

    The salt is drawn from `salted_with` (environment and user), so it is the same at every run. The hash is quick to
    compute: it protects long random passwords only.
    """
    if len(password) < 20:
        raise ValueError(
            "a broker password must have at least 20 characters: RabbitMQ's hash is too quick for shorter ones"
        )
    salt = hashlib.sha256(f"sallyport rabbitmq {salted_with}".encode()).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[[str, str], str]]:
        return {"rabbitmq_hash": rabbitmq_hash}
