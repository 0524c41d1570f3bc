"""Send HTTP/1.1 requests over TLS, byte for byte as given, and report the answers.

Reads JSON from standard input, for requests hold secrets and arguments are public: {"ca": path, "mark": int or null,
"requests": [{"address", "port", "name", "method", "target", "headers": {}, "body": text}]}. Prints a list of
{"status", "headers": [[name, value]], "body"}; or {"error": "timeout" | "prohibited" | "refused" | "closed" | …}.
"""

import errno
import http.client
import json
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

SO_MARK = 36


class Exact(http.client.HTTPSConnection):
    """Connects to an address while asking for a name; sends the target as it is."""

    def __init__(self, door: dict[str, Any], context: ssl.SSLContext, mark: int | None) -> None:
        super().__init__(door["name"], door["port"], timeout=door.get("seconds", 10))
        self.door, self.tls, self.mark = door, context, mark

    def connect(self) -> None:
        raw = socket.socket(socket.AF_INET6 if ":" in self.door["address"] else socket.AF_INET)
        raw.settimeout(self.timeout)
        try:
            if self.mark is not None:
                raw.setsockopt(socket.SOL_SOCKET, SO_MARK, self.mark)
            raw.connect((self.door["address"], self.door["port"]))
            self.sock = self.tls.wrap_socket(raw, server_hostname=self.door["name"])
        except BaseException:
            raw.close()
            raise

    def _validate_path(self, url: str) -> None:
        """Let odd targets through: they are the test."""


def speak(request: dict[str, Any], context: ssl.SSLContext, mark: int | None) -> dict[str, Any]:
    connection = Exact(request, context, mark)
    try:
        body = request["body"].encode()
        connection.putrequest(request["method"], request["target"], skip_host=True, skip_accept_encoding=True)
        headers = {"Host": request["name"], "Content-Length": str(len(body)), **request["headers"]}
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return {
            "status": answer.status,
            "headers": answer.getheaders(),
            "body": answer.read().decode("utf-8", "replace"),
        }
    except TimeoutError:
        return {"error": "timeout"}
    except ConnectionRefusedError:
        return {"error": "refused"}
    except (http.client.BadStatusLine, ConnectionResetError, BrokenPipeError):
        return {"error": "closed"}
    except OSError as error:
        prohibited = error.errno in {errno.EHOSTUNREACH, errno.EPERM, errno.EACCES, errno.ENETUNREACH}
        return {"error": "prohibited" if prohibited else str(error)}
    finally:
        connection.close()


def main() -> list[dict[str, Any]]:
    given = json.load(sys.stdin)
    context = ssl.create_default_context(cafile=given["ca"])
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda request: speak(request, context, given["mark"]), given["requests"]))


json.dump(main(), sys.stdout)
