"""Filter `scram_verifier`: what PostgreSQL keeps of a password (RFC 5803), so that the password itself stays here."""

import base64
import hashlib
import hmac
from collections.abc import Callable

ITERATIONS = 4096


def scram_verifier(password: str, salted_with: str) -> str:
    """Return the SCRAM-SHA-256 verifier of an ASCII password.

    The salt is drawn from `salted_with` (environment and role), so it is unique, and the same at every run. It tells
    nothing of the password.
    """
    if not password or not password.isascii():
        raise ValueError("a database password must be ASCII and not empty, so that it needs no SASLprep (RFC 4013)")
    salt = hashlib.sha256(f"sallyport scram {salted_with}".encode()).digest()[:16]
    text = [base64.b64encode(part).decode() for part in (salt, *keys(password, salt))]
    return f"SCRAM-SHA-256${ITERATIONS}:{text[0]}${text[1]}:{text[2]}"


def keys(password: str, salt: bytes) -> tuple[bytes, bytes]:
    """Return the stored key and the server key (RFC 5802, section 3)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[[str, str], str]]:
        return {"scram_verifier": scram_verifier}
