"""The gateway's processes, as a test uses them."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from services.broker import BrokerSettings
from tests.services.broker.servers import USER
from tests.services.cluster import Cluster
from tests.services.gateway.outside import Outside
from tests.services.ports import free_port
from tests.services.processes import SECRETS, Launcher, Service, eventually

TOKEN = SECRETS["gateway_token"]

# Short, so that what is tried again is tried soon.
QUICK = {"SP_RETRY_BASE_SECONDS": "0.05", "SP_RETRY_MOST_SECONDS": "0.2", "SP_SEND_SECONDS": "1.5"}
FAST = {f"SP_{channel}_PER_SECOND": "1000" for channel in ("EMAIL", "TELEGRAM", "VK")}

DRAFTS = {
    "email": {"channel": "email", "subject": "Привет", "text": "A result has arrived."},
    "telegram": {"channel": "telegram", "text": "A result has arrived."},
    "vk": {"channel": "vk", "text": "A result has arrived."},
}


def recipient(channel: str) -> str:
    """Somebody new."""
    number = uuid4().int % 10**9 + 1
    return f"person-{number}@example.org" if channel == "email" else str(number)


@dataclass
class Gateway:
    """A queue API and a sender on one database. `client` carries the token."""

    queue: Service
    sender: Service
    client: httpx.Client
    url: str
    cluster: Cluster
    database: str

    def post(self, channel: str, to: str, *, key: str | None = None, **fields: object) -> str:
        """Have a message accepted; its id."""
        body = DRAFTS[channel] | {"to": to} | fields
        answer = self.client.post("/messages", json=body, headers={"Idempotency-Key": key or str(uuid4())})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def message(self, message: str) -> dict[str, Any]:
        found = self.client.get(f"/messages/{message}")
        assert found.status_code == 200, found.text
        return dict(found.json())

    def until(self, message: str, *states: str, within: float = 30.0) -> dict[str, Any]:
        """The message, once it is in one of these states."""

        def reached() -> dict[str, Any] | None:
            found = self.message(message)
            return found if found["state"] in states else None

        return eventually(reached, within, f"{message} {' or '.join(states)}")

    def outcomes(self, message: str) -> list[str | None]:
        return [each["outcome"] for each in self.message(message)["attempts"]]


def make(
    launcher: Launcher,
    cluster: Cluster,
    database: str,
    outside: Outside,
    broker: BrokerSettings,
    **settings: str,
) -> Gateway:
    """A gateway, not yet started."""
    port = free_port()
    url = f"https://localhost:{port}"
    queue = launcher.service("services.gateway", database, "sp_gateway", SP_BIND_PORT=str(port))
    given = {
        "SP_BROKER_KIND": broker.kind.value,
        "SP_BROKER_HOST": "localhost",
        "SP_BROKER_PORT": str(broker.port),
        "SP_BROKER_USER": USER,
        "SP_PROVIDERS_CA_FILE": str(launcher.certificates.ca),
        "SP_SMTP_HOST": "localhost",
        "SP_SMTP_PORT": str(outside.submission),
        "SP_SMTP_USER": "lab",
        "SP_MAIL_FROM": "sallyport@example.org",
        "SP_TELEGRAM_URL": f"https://localhost:{outside.https}",
        "SP_VK_URL": f"https://localhost:{outside.https}",
    }
    sender = launcher.service("services.gateway.sender", database, "sp_gateway", **(given | QUICK | FAST | settings))
    client = launcher.client(url, Authorization=f"Bearer {TOKEN}")
    return Gateway(queue, sender, client, url, cluster, database)
