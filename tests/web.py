"""Speaking to the application through the real network: as a visitor, and as the async service does."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from network.check.shell import Shell, must, tell
from network.drill.ledger import query
from network.model import Flow, Model
from network.path import front_door, networks
from tests.fleet import Secret

AUTHORITY = "/etc/sallyport/pki/ca.pem"


_JOB = """
select item.job_id, item.stock_id, coalesce(job.state, '') from main.request_items item
  left join status.jobs job on job.id = item.job_id where item.request_id = :request
"""


@dataclass(frozen=True)
class Answer:
    """A response; `error` is the agent's word when there was none."""

    status: int
    headers: Mapping[str, str]
    body: str
    error: str = ""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Door:
    """Where requests go: an address and port, the name to ask for, and the authority to trust on the asking side."""

    address: str
    port: int
    name: str
    authority: str = AUTHORITY


def ask_web(
    shell: Shell, door: Door, requests: Sequence[Mapping[str, Any]], *, mark: int | None = None
) -> list[Answer]:
    """Send requests from a host, side by side; each needs method, target, headers and body. Secrets stay on stdin."""
    where = {"address": door.address, "port": door.port, "name": door.name}
    given = {"ca": door.authority, "mark": mark, "requests": [{**where, **request} for request in requests]}
    return [
        Answer(
            said.get("status", 0),
            {name.lower(): value for name, value in said.get("headers", [])},
            said.get("body", ""),
            said.get("error", ""),
        )
        for said in tell(shell, "speak", given)
    ]


def public_door(model: Model) -> Door:
    """Return where visitors come in: the published HTTPS on the edge's public address."""
    address, port = front_door(model)
    return Door(str(address), port, model.fleet.public_names[0])


def guarded_flow(model: Model) -> Flow:
    """Return the callback: the flow that a reverse proxy guards in front of the web hosts."""
    published = {end for flow in model.flows if flow.publish for end in flow.destinations}
    return next(flow for flow in model.flows if flow.http is not None and set(flow.destinations) <= published)


def callback_door(model: Model) -> Door:
    """Return where the callback is taken, as its own source sees it."""
    flow = guarded_flow(model)
    end = flow.destinations[0]
    address = (networks(model, end, flow.sources[0], 4) or ())[0].network_address
    return Door(str(address), flow.services[0].first, end.name)


@dataclass
class Visitor:
    """A browser of sorts: one session against one door, from a host or from the control node."""

    shell: Shell
    door: Door
    origin: str
    cookies: dict[str, str] = field(default_factory=dict, repr=False)

    def __call__(self, method: str, target: str, body: object = None) -> Answer:
        """Ask, with the session's cookies and this site's origin."""
        headers = {"Origin": self.origin, "Accept": "application/json", "Host": self.origin.removeprefix("https://")}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        text = "" if body is None else json.dumps(body)
        request = {"method": method, "target": target, "headers": headers, "body": text}
        answer = ask_web(self.shell, self.door, [request])[0]
        if given := answer.headers.get("set-cookie"):
            name, _, value = given.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def sign_in(self, name: str, password: Secret) -> None:
        """Log in; the password goes by standard input and is in no message."""
        answer = self("POST", "/login", {"name": name, "password": password.text})
        assert answer.status == 200, f"login as {name}: {answer.status} {answer.error}"

    def form_request(self, stocks: int = 1) -> dict[str, Any]:
        """Put stocks into a draft and form it; return the request."""
        listed = self("GET", "/stocks")
        assert listed.status == 200, f"{listed.status} {listed.error}"
        draft = 0
        for stock in listed.json["stocks"][:stocks]:
            put = self("POST", f"/stocks/{stock['id']}/draft")
            assert put.status == 200, put.body
            draft = put.json["draft_id"]
        formed = self("PUT", f"/requests/{draft}/form")
        assert formed.status == 202, formed.body
        request: dict[str, Any] = formed.json
        return request

    def results(self, request: int, seconds: float) -> tuple[dict[str, Any], float]:
        """Poll a request until every item has its result; return it, and how long that took. Fails at the deadline."""
        start = time.monotonic()
        while True:
            seen = self("GET", f"/requests/{request}")
            assert seen.status == 200, f"{seen.status} {seen.error}"
            spent = time.monotonic() - start
            shown: dict[str, Any] = seen.json
            if all(item["result"] for item in shown["items"]):
                return shown, spent
            assert spent < seconds, f"no result after {spent:.1f} s: {shown}"
            time.sleep(0.25)


@dataclass(frozen=True)
class Callback:
    """The async service's call, made by hand: signed as Standard Webhooks says, apart from the services' own code."""

    token: Secret
    signing_key: Secret

    def request(self, stock: int, job: str, request: int, result: str = "growing", **change: Any) -> dict[str, Any]:
        """Return the request; `change` replaces method, target or body, and `headers` by name (None drops one)."""
        body = json.dumps({"job": job, "request": request, "result": result})
        moment = str(int(time.time()))
        key = base64.b64decode(self.signing_key.text.removeprefix("whsec_"))
        signature = hmac.new(key, f"{job}.{moment}.{body}".encode(), hashlib.sha256).digest()
        headers: dict[str, str | None] = {
            "Authorization": f"Bearer {self.token.text}",
            "Content-Type": "application/json",
            "webhook-id": job,
            "webhook-timestamp": moment,
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
            **change.pop("headers", {}),
        }
        return {
            "method": "PUT",
            "target": f"/stocks/{stock}/put",
            "body": body,
            **change,
            "headers": {name: value for name, value in headers.items() if value is not None},
        }


@dataclass(frozen=True)
class Job:
    """A deferred job of a request: its id and stock; its state at the async service, or empty before the hand-over."""

    id: str
    stock: int
    state: str


@dataclass(frozen=True)
class Database:
    """The services' state, read as the database's own superuser on its host."""

    shell: Shell

    def job(self, request: int) -> Job | None:
        """Return the job of a request with one item."""
        words = query(self.shell, _JOB, request=str(request)).strip().split("|")
        return Job(words[0], int(words[1]), words[2]) if words[0] else None


@dataclass(frozen=True)
class WebLog:
    """nginx's access log on a web host."""

    shell: Shell

    def entry(self, request_id: str, seconds: float = 5) -> dict[str, str]:
        """Return the entry of a request. Fails when none comes in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            said = must(self.shell, f"journalctl -q -t nginx -o cat --since -10min | grep -F {request_id} || true")
            for line in said.splitlines():
                if line.startswith("{"):
                    found: dict[str, str] = json.loads(line)
                    return found
            time.sleep(0.2)
        raise AssertionError(f"nginx did not log request {request_id}")

    def last(self) -> dict[str, str]:
        """Return the newest entry."""
        found: dict[str, str] = json.loads(must(self.shell, "journalctl -q -t nginx -o cat -g '^[{]' -n 1"))
        return found


@dataclass(frozen=True)
class Caller:
    """A host in front of the guarded door, with both secrets in hand, and nginx's log to see what became of calls."""

    shell: Shell
    door: Door
    callback: Callback
    log: WebLog
    flow: str

    def call(self, stock: int = 1, job: str | None = None, request: int = 1, **change: Any) -> Answer:
        """Call back, for a job that nobody waits for where none is given; `change` is what is wrong with the call."""
        made = self.callback.request(stock, job or str(uuid4()), request, **change)
        return ask_web(self.shell, self.door, [made])[0]

    def refused_by_nginx(self, answer: Answer, status: int, unmet: str | None) -> None:
        """Assert that nginx refused, and that its log says that the application was never asked."""
        assert answer.status == status, f"{answer.status} {answer.error} {answer.body}"
        entry = self.log.entry(json.loads(answer.body)["request_id"])

        assert entry["upstream"] == ""
        assert unmet is None or entry[f"unmet:{self.flow}"] == unmet

    def refused_by_service(self, answer: Answer, status: int) -> None:
        """Assert that the application refused, and that nginx had passed the call on to it."""
        assert answer.status == status, f"{answer.status} {answer.error} {answer.body}"
        entry = self.log.entry(answer.headers["x-request-id"]) if "x-request-id" in answer.headers else self.log.last()

        assert (entry["upstream_status"], entry["status"]) == (str(status), str(status))


def local_authority(state: Path) -> str:
    """Return the environment's authority on the control node."""
    found = sorted((state / "pki").glob("*.pem")) + sorted((state / "pki").glob("*.crt"))
    assert found, f"no authority under {state / 'pki'}: ./sallyport up makes it"
    return str(found[0])
