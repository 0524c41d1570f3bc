"""Form requests one after the other, as a creator's browser would that does not give up, and report what was accepted.

Reads JSON from standard input, for it holds a password: {"ca", "address", "port", "name", "origin", "user", "password",
"seconds", "patience", "items": stocks in each request, "every": seconds between the beginnings of two requests, or 0}.
For `seconds` new requests are begun; what was begun is tried again, with the same Idempotency-Key, until it is answered
or `patience` seconds more have passed. Prints {"accepted": [request ids], "unanswered": number, "tries": number of
calls that failed on the way, "error": text or null}.
"""

import http.client
import json
import socket
import ssl
import sys
import time
from typing import Any
from uuid import uuid4

SECONDS = 5.0
PAUSE = 0.2
# What may pass: the proxy without its application, a service without its database, too many calls.
PASSING = {408, 425, 429, 500, 502, 503, 504}


class Browser:
    """One kept-alive connection, opened anew when it is lost."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.tls = ssl.create_default_context(cafile=given["ca"])
        self.cookie = ""
        self.etag = ""
        self.connection: http.client.HTTPConnection | None = None
        self.tries = 0

    def call(self, method: str, target: str, body: object = None, key: str = "", match: str = "") -> tuple[int, Any]:
        headers = {"Host": self.given["origin"].removeprefix("https://"), "Origin": self.given["origin"]}
        if self.cookie:
            headers["Cookie"] = self.cookie
        if key:
            headers["Idempotency-Key"] = key
        if match:
            headers["If-Match"] = match
        text = b"" if body is None else json.dumps(body).encode()
        if text:
            headers["Content-Type"] = "application/json"
        try:
            if self.connection is None:
                self.connection = self._connect()
            self.connection.request(method, target, text, {**headers, "Content-Length": str(len(text))})
            answer = self.connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            return 0, None
        if given := answer.getheader("Set-Cookie"):
            self.cookie = given.partition(";")[0]
        self.etag = answer.getheader("ETag", "")
        return answer.status, json.loads(content) if content[:1] in (b"{", b"[") else None

    def insist(
        self, deadline: float, method: str, target: str, body: object = None, match: str = ""
    ) -> tuple[int, Any]:
        """Call until there is an answer that will not pass by itself; (0, None) at the deadline."""
        key = str(uuid4())
        while time.monotonic() < deadline:
            status, said = self.call(method, target, body, key, match)
            if status and status not in PASSING:
                return status, said
            self.tries += 1
            time.sleep(PAUSE)
        return 0, None

    def _connect(self) -> http.client.HTTPConnection:
        raw = socket.create_connection((self.given["address"], self.given["port"]), SECONDS)
        connection = http.client.HTTPSConnection(self.given["name"], self.given["port"], timeout=SECONDS)
        connection.sock = self.tls.wrap_socket(raw, server_hostname=self.given["name"])
        return connection


def main() -> dict[str, Any]:
    given = json.load(sys.stdin)
    browser = Browser(given)
    end = time.monotonic() + given["seconds"]
    deadline = end + given["patience"]
    accepted: list[int] = []
    unanswered = 0

    def report(error: str | None) -> dict[str, Any]:
        return {"accepted": accepted, "unanswered": unanswered, "tries": browser.tries, "error": error}

    status, _ = browser.insist(deadline, "POST", "/login", {"name": given["user"], "password": given["password"]})
    if status != 200:
        return report(f"login: {status}")
    status, listed = browser.insist(deadline, "GET", "/stocks?limit=100")
    if status != 200:
        return report(f"GET /stocks: {status}")
    stocks = [stock["id"] for stock in listed["stocks"]]
    begun = 0
    while time.monotonic() < end:
        first, *others = [stocks[(begun + each) % len(stocks)] for each in range(given["items"])]
        begun += 1
        steps: list[tuple[str, str, object, int]] = [("POST", f"/stocks/{first}/draft", None, 200)]
        if others:
            items = [{"stock_id": each, "quantity": 1} for each in (first, *others)]
            steps += [("GET", "/requests/{draft}", None, 200), ("PUT", "/requests/{draft}", {"items": items}, 200)]
        steps.append(("PUT", "/requests/{draft}/form", None, 202))
        draft = 0
        for method, target, body, wanted in steps:
            match = browser.etag if body else ""
            status, said = browser.insist(deadline, method, target.format(draft=draft), body, match)
            if status == 0:
                unanswered += 1
                return report(None)
            if status != wanted:
                return report(f"{method} {target.format(draft=draft)}: {status} {said}")
            draft = draft or said["draft_id"]
        accepted.append(draft)
        time.sleep(max(0.0, end - given["seconds"] + begun * given["every"] - time.monotonic()))
    return report(None)


json.dump(main(), sys.stdout)
