"""A request's life against a model: whatever is called in whatever order, states, results and refusals are as told."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from services.main.domain.request import Result, State
from services.signing import SigningKey
from tests.services.api import Api
from tests.services.processes import SECRETS

pytestmark = pytest.mark.thorough

KEY = SigningKey(SECRETS["callback_signing_key"])
STOCKS = st.integers(1, 3)
QUANTITIES = st.integers(1, 9)
PLACES = st.integers(0, 1000)
TAGS = st.sampled_from(["current", "stale", "none"])
USERS = st.sampled_from(["creator", "moderator"])


@dataclass
class Known:
    """What the model knows of a request. told: results by stock; signed: how many callbacks of it were signed."""

    id: int
    state: State = State.DRAFT
    items: dict[int, int] = field(default_factory=dict)
    told: dict[int, Result] = field(default_factory=dict)
    jobs: dict[int, UUID] = field(default_factory=dict)
    old_tags: list[str] = field(default_factory=list)
    signed: int = 0


@dataclass
class Message:
    """A callback as it was signed, and the request that it is about."""

    path: str
    content: bytes
    headers: dict[str, str]


class Life(RuleBasedStateMachine):
    def __init__(self, api: Api, clients: dict[str, httpx.Client]) -> None:
        super().__init__()
        self.api, self.clients = api, clients
        self.known: list[Known] = []
        self.taken: list[Message] = []
        if old := self.creator.get("/requests/cart").json()["draft_id"]:
            assert self.creator.delete(f"/requests/{old}", headers={"If-Match": "*"}).status_code == 204

    @property
    def creator(self) -> httpx.Client:
        return self.clients["creator"]

    @property
    def draft(self) -> Known | None:
        return next((each for each in self.known if each.state is State.DRAFT), None)

    def one(self, place: int) -> Known:
        return self.known[-1 - place % min(len(self.known), 4)]

    def tag(self, known: Known, which: str) -> dict[str, str]:
        if which == "none":
            return {}
        now = self.creator.get(f"/requests/{known.id}").headers.get("ETag", '"gone"')
        if which == "current":
            return {"If-Match": now}
        return {"If-Match": next((tag for tag in known.old_tags if tag != now), '"never"')}

    def remember(self, known: Known, answer: httpx.Response) -> None:
        if "ETag" in answer.headers:
            known.old_tags.append(answer.headers["ETag"])

    @staticmethod
    def refusal(known: Known, user: str, needed: State) -> int | None:
        """The status by which a step is refused for its state or its caller, before any precondition is looked at."""
        wanted = "creator" if needed is State.DRAFT else "moderator"
        if known.state is State.DELETED or (user == "moderator" and known.state is State.DRAFT):
            return 404
        if user != wanted:
            return 403
        return None if known.state is needed else 409

    @rule(stock=STOCKS)
    def add(self, stock: int) -> None:
        answer = self.creator.post(f"/stocks/{stock}/draft")
        assert answer.status_code == 200
        if self.draft is None:
            self.known.append(Known(answer.json()["draft_id"]))
        assert self.draft is not None
        assert answer.json() == {"draft_id": self.draft.id}
        self.draft.items[stock] = self.draft.items.get(stock, 0) + 1

    @precondition(lambda self: self.known)
    @rule(place=PLACES, stock=STOCKS, quantity=QUANTITIES, tag=TAGS, user=USERS)
    def change_item(self, place: int, stock: int, quantity: int, tag: str, user: str) -> None:
        known = self.one(place)
        answer = self.clients[user].put(
            f"/requests/{known.id}/items/{stock}", json={"quantity": quantity}, headers=self.tag(known, tag)
        )
        expected = self.edit(known, user, tag, absent=stock not in known.items)
        assert answer.status_code == expected, answer.text
        if expected == 200:
            known.items[stock] = quantity
            self.remember(known, answer)

    @precondition(lambda self: self.known)
    @rule(place=PLACES, stock=STOCKS, tag=TAGS, user=USERS)
    def remove_item(self, place: int, stock: int, tag: str, user: str) -> None:
        known = self.one(place)
        answer = self.clients[user].delete(f"/requests/{known.id}/items/{stock}", headers=self.tag(known, tag))
        expected = self.edit(known, user, tag, absent=stock not in known.items)
        assert answer.status_code == expected, answer.text
        if expected == 200:
            del known.items[stock]
            self.remember(known, answer)

    @precondition(lambda self: self.known)
    @rule(place=PLACES, quantities=st.dictionaries(STOCKS, QUANTITIES), tag=TAGS, user=USERS)
    def put_items(self, place: int, quantities: dict[int, int], tag: str, user: str) -> None:
        known = self.one(place)
        items = [{"stock_id": stock, "quantity": quantity} for stock, quantity in quantities.items()]
        answer = self.clients[user].put(f"/requests/{known.id}", json={"items": items}, headers=self.tag(known, tag))
        expected = self.edit(known, user, tag)
        assert answer.status_code == expected, answer.text
        if expected == 200:
            known.items = quantities
            self.remember(known, answer)

    @precondition(lambda self: self.draft is not None)
    @rule(stock=STOCKS)
    def two_edits_at_once_with_one_tag(self, stock: int) -> None:
        known = self.draft
        assert known is not None
        seen = self.tag(known, "current")

        def edit(quantity: int) -> httpx.Response:
            items = [{"stock_id": stock, "quantity": quantity}]
            return self.creator.put(f"/requests/{known.id}", json={"items": items}, headers=seen)

        # Neither leaves the draft as it is, so whoever comes second sees another tag.
        quantities = [101, 102]
        assume(known.items not in [{stock: quantity} for quantity in quantities])
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(edit, quantities))
        assert sorted(answer.status_code for answer in answers) == [200, 412]
        known.items = {stock: quantities[[answer.status_code for answer in answers].index(200)]}

    def edit(self, known: Known, user: str, tag: str, *, absent: bool = False) -> int:
        if tag == "none":
            return 428
        return self.refusal(known, user, State.DRAFT) or (404 if absent else 412 if tag == "stale" else 200)

    @precondition(lambda self: self.known)
    @rule(place=PLACES, tag=TAGS, user=USERS)
    def delete(self, place: int, tag: str, user: str) -> None:
        known = self.one(place)
        answer = self.clients[user].delete(f"/requests/{known.id}", headers=self.tag(known, tag))
        edited = self.edit(known, user, tag)
        assert answer.status_code == (204 if edited == 200 else edited), answer.text
        if edited == 200:
            known.state = State.DELETED

    @precondition(lambda self: self.known)
    @rule(place=PLACES, tag=TAGS, user=USERS)
    def form(self, place: int, tag: str, user: str) -> None:
        known = self.one(place)
        headers = self.tag(known, tag) | {"Idempotency-Key": str(uuid4())}
        answer = self.clients[user].put(f"/requests/{known.id}/form", headers=headers)
        refused = self.refusal(known, user, State.DRAFT) or (None if known.items else 409)
        expected = refused or (412 if tag == "stale" else 202)
        assert answer.status_code == expected, answer.text
        if expected != 202:
            return
        known.state = State.FORMED
        self.remember(known, answer)
        again = self.clients[user].put(f"/requests/{known.id}/form", headers=headers)
        assert (again.status_code, again.json()) == (202, answer.json())
        with self.api.cluster.connect(self.api.database) as connection:
            rows = connection.execute(
                "SELECT stock_id, job_id FROM main.request_items WHERE request_id = %s", [known.id]
            ).fetchall()
        known.jobs = dict(rows)
        assert known.jobs.keys() == known.items.keys()

    @precondition(lambda self: self.known)
    @rule(place=PLACES, step=st.sampled_from([State.COMPLETED, State.REJECTED]), tag=TAGS, user=USERS)
    def close(self, place: int, step: State, tag: str, user: str) -> None:
        known = self.one(place)
        path = f"/requests/{known.id}/{'complete' if step is State.COMPLETED else 'reject'}"
        answer = self.clients[user].put(path, headers=self.tag(known, tag))
        missing = step is State.COMPLETED and known.told.keys() != known.items.keys()
        refused = self.refusal(known, user, State.FORMED) or (409 if missing else None)
        expected = refused or (412 if tag == "stale" else 200)
        assert answer.status_code == expected, answer.text
        if expected == 200:
            known.state = step
            self.remember(known, answer)

    @precondition(lambda self: any(each.jobs for each in self.known))
    @rule(place=PLACES, stock=STOCKS, claimed=STOCKS, result=st.sampled_from(Result))
    def call_back(self, place: int, stock: int, claimed: int, result: Result) -> None:
        known = [each for each in self.known if each.jobs][-1 - place % sum(bool(each.jobs) for each in self.known)]
        assume(stock in known.jobs)
        job = str(known.jobs[stock])
        content = json.dumps({"job": job, "request": known.id, "result": result.value})
        # Each is signed at another second, as the sender does.
        known.signed += 1
        signed = KEY.sign(job, content, datetime.now(UTC) - timedelta(seconds=2 * known.signed % 250))
        headers = {"Authorization": f"Bearer {SECRETS['callback_token']}", "Content-Type": "application/json", **signed}
        message = Message(f"/stocks/{claimed}/put", content.encode(), headers)
        answer = self.deliver(message)
        if claimed != stock or known.told.get(stock, result) is not result:
            assert answer.status_code == 409, answer.text
            return
        assert (answer.status_code, answer.json()["applied"]) == (200, stock not in known.told), answer.text
        known.told[stock] = result
        self.taken.append(message)

    @precondition(lambda self: self.taken)
    @rule(place=PLACES)
    def replay(self, place: int) -> None:
        answer = self.deliver(self.taken[place % len(self.taken)])
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:sallyport:problem:replayed")

    def deliver(self, message: Message) -> httpx.Response:
        return self.clients["worker"].put(message.path, content=message.content, headers=message.headers)

    @invariant()
    def the_cart_says_which_draft_there_is(self) -> None:
        draft = self.draft
        assert self.creator.get("/requests/cart").json() == {"draft_id": draft.id if draft else None}

    @invariant()
    def the_newest_are_as_told(self) -> None:
        for known in self.known[-2:]:
            answer = self.creator.get(f"/requests/{known.id}")
            if known.state is State.DELETED:
                assert answer.status_code == 404
                continue
            shown = answer.json()
            assert shown["state"] == known.state
            found = {item["stock_id"]: (item["quantity"], item["result"]) for item in shown["items"]}
            assert found == {stock: (number, known.told.get(stock)) for stock, number in known.items.items()}


@pytest.fixture
def clients(api: Api) -> Iterator[dict[str, httpx.Client]]:
    with api.signed_in() as creator, api.signed_in("moderator") as moderator, api.guest() as worker:
        yield {"creator": creator, "moderator": moderator, "worker": worker}


@pytest.mark.timeout(180)
def test_a_request_lives_as_the_model_says(api: Api, clients: dict[str, httpx.Client]) -> None:
    class Machine(Life):
        def __init__(self) -> None:
            super().__init__(api, clients)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=10,
            stateful_step_count=40,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            # To shrink a failure would take longer than all of the rest, and the steps can be read as they are.
            phases=[Phase.generate],
        ),
    )
