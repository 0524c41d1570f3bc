"""Shake hands with TLS services in ways that must succeed and ways that must fail.

Argument: {"ca": path, "doors": [{"address", "port", "name", "start"}]}; `start` is direct, postgresql or smtp, the
way in which the service begins TLS. Prints, by "address:port", the outcome of each try: a version, or "refused: …".
"""

import json
import socket
import ssl
import sys
import warnings
from typing import Any

warnings.simplefilter("ignore")  # Old versions are asked for on purpose.
TRIES: dict[str, dict[str, Any]] = {
    "verified": {},
    "tls1.0": {"maximum": ssl.TLSVersion.TLSv1, "ciphers": "ALL:@SECLEVEL=0"},
    "tls1.1": {"maximum": ssl.TLSVersion.TLSv1_1, "ciphers": "ALL:@SECLEVEL=0"},
    "anonymous": {"maximum": ssl.TLSVersion.TLSv1_2, "ciphers": "aNULL:eNULL:@SECLEVEL=0"},
    "no-forward-secrecy": {"maximum": ssl.TLSVersion.TLSv1_2, "ciphers": "kRSA:@SECLEVEL=0"},
    "cbc": {"maximum": ssl.TLSVersion.TLSv1_2, "ciphers": "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:@SECLEVEL=0"},
    "wrong-name": {"name": "wrong.invalid"},
}


def begin(raw: socket.socket, start: str) -> None:
    """Ask for TLS in the service's own words (PostgreSQL: SSLRequest; SMTP: RFC 3207)."""
    if start == "postgresql":
        raw.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
        if raw.recv(1) != b"S":
            raise ConnectionError("no TLS offered")
    elif start == "smtp":
        stream = raw.makefile("rb")
        for order in (None, b"EHLO check\r\n", b"STARTTLS\r\n"):
            if order is not None:
                raw.sendall(order)
            while True:
                line = stream.readline()
                if line[:1] not in (b"2",):
                    raise ConnectionError("no TLS offered")
                if line[3:4] != b"-":
                    break


def shake(door: dict[str, Any], ca: str, how: dict[str, Any]) -> str:
    context = ssl.create_default_context(cafile=ca)
    if "ciphers" in how:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = how["maximum"]
        try:
            context.set_ciphers(how["ciphers"])
        except ssl.SSLError:
            return "refused: this client knows no such cipher"
    try:
        with socket.create_connection((door["address"], door["port"]), timeout=5) as raw:
            begin(raw, door["start"])
            with context.wrap_socket(raw, server_hostname=how.get("name", door["name"])) as secure:
                return str(secure.version())
    except (OSError, ConnectionError) as error:
        return f"refused: {error}"


def main(parameters: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {
        f"{door['address']}:{door['port']}": {name: shake(door, parameters["ca"], how) for name, how in TRIES.items()}
        for door in parameters["doors"]
    }


json.dump(main(json.loads(sys.argv[1])), sys.stdout)
