"""The API of main, asked by a guest or by somebody who is signed in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.services.cluster import APP_USERS, Cluster
from tests.services.processes import Launcher, Service

PROBLEM = "urn:sallyport:problem:"


@dataclass
class Api:
    launcher: Launcher
    main: Service
    url: str
    cluster: Cluster
    database: str

    def guest(self) -> httpx.Client:
        return self.launcher.client(self.url, Origin=self.url)

    @contextmanager
    def signed_in(self, name: str = "creator") -> Iterator[httpx.Client]:
        with self.guest() as client:
            assert client.post("/login", json={"name": name, "password": APP_USERS[name]}).status_code == 200
            yield client

    def fresh_draft(self, client: httpx.Client) -> int:
        """A draft with one stock, whatever the test before left behind."""
        old = client.get("/requests/cart").json()["draft_id"]
        if old:
            client.put(f"/requests/{old}/form")
        return int(client.post("/stocks/1/draft").json()["draft_id"])


def refused(answer: httpx.Response, status: int, kind: str | None) -> dict[str, Any]:
    """The problem, checked for its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] == (PROBLEM + kind if kind else "about:blank")
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert "Traceback" not in answer.text
    assert isinstance(problem, dict)
    return problem
