"""A draft is edited by its creator alone, and a formed request closed by a moderator."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.services.api import Api, refused

SEEN = {"If-Match": "*"}


@pytest.fixture
def creator(api: Api) -> Iterator[httpx.Client]:
    with api.signed_in() as client:
        yield client


@pytest.fixture
def moderator(api: Api) -> Iterator[httpx.Client]:
    with api.signed_in("moderator") as client:
        yield client


@pytest.fixture
def draft(api: Api, creator: httpx.Client) -> int:
    """A draft with one of stock 1."""
    return api.fresh_draft(creator)


def formed(api: Api, creator: httpx.Client, draft: int, *, results: bool) -> int:
    assert creator.put(f"/requests/{draft}/form").status_code == 202
    if results:
        with api.cluster.connect(api.database) as connection:
            connection.execute(
                "UPDATE main.request_items SET result = 'growing', result_at = now() WHERE request_id = %s", [draft]
            )
    return draft


def held(answer: httpx.Response) -> dict[int, int]:
    assert answer.status_code == 200, answer.text
    return {item["stock_id"]: item["quantity"] for item in answer.json()["items"]}


def test_items_are_changed_and_removed_each_seeing_what_was_before(creator: httpx.Client, draft: int) -> None:
    path = f"/requests/{draft}"
    tag = creator.get(path).headers["ETag"]
    answer = creator.put(f"{path}/items/1", json={"quantity": 5}, headers={"If-Match": tag})
    assert held(answer) == {1: 5}
    refused(creator.put(f"{path}/items/1", json={"quantity": 6}, headers={"If-Match": tag}), 412, "changed")
    body = {"items": [{"stock_id": 3, "quantity": 2}, {"stock_id": 1, "quantity": 1}]}
    answer = creator.put(path, json=body, headers={"If-Match": answer.headers["ETag"]})
    assert held(answer) == {1: 1, 3: 2}
    answer = creator.delete(f"{path}/items/1", headers={"If-Match": answer.headers["ETag"]})
    assert held(answer) == {3: 2}
    again = creator.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert held(creator.put(path, json={"items": []}, headers=SEEN)) == {}
    refused(creator.put(f"{path}/form"), 409, "empty-draft")


def test_edits_name_the_version_they_saw(creator: httpx.Client, draft: int) -> None:
    path = f"/requests/{draft}"
    refused(creator.put(path, json={"items": []}), 428, "version-needed")
    refused(creator.delete(path), 428, "version-needed")
    refused(creator.put(f"{path}/items/1", json={"quantity": 1}), 428, "version-needed")
    refused(creator.delete(f"{path}/items/1"), 428, "version-needed")
    for each in ("form", "complete", "reject"):
        # These go by the state; a version that is named must be the right one all the same.
        answer = creator.put(f"{path}/{each}", headers={"If-Match": '"old"'})
        if each == "form":
            refused(answer, 412, "changed")
        else:
            refused(answer, 403, "moderators-only")


def test_a_draft_is_deleted_and_a_new_one_begins(api: Api, creator: httpx.Client, draft: int) -> None:
    assert creator.delete(f"/requests/{draft}", headers=SEEN).status_code == 204
    assert creator.get("/requests/cart").text == '{"draft_id":null}'
    refused(creator.get(f"/requests/{draft}"), 404, "not-found")
    refused(creator.delete(f"/requests/{draft}", headers=SEEN), 404, "not-found")
    assert api.fresh_draft(creator) != draft


def test_another_creators_draft_does_not_exist(api: Api, creator: httpx.Client, draft: int) -> None:
    with api.signed_in("second") as other, api.signed_in("moderator") as moderator:
        for stranger in (other, moderator):
            path = f"/requests/{draft}"
            for answer in (
                stranger.put(path, json={"items": []}, headers=SEEN),
                stranger.delete(path, headers=SEEN),
                stranger.put(f"{path}/items/1", json={"quantity": 9}, headers=SEEN),
                stranger.delete(f"{path}/items/1", headers=SEEN),
                stranger.put(f"{path}/complete"),
                stranger.put(f"{path}/reject"),
            ):
                refused(answer, 404, "not-found")
    assert held(creator.get(f"/requests/{draft}")) == {1: 1}


@pytest.mark.parametrize("results", [True, False])
def test_what_is_formed_is_edited_no_more(api: Api, creator: httpx.Client, draft: int, results: bool) -> None:
    path = f"/requests/{formed(api, creator, draft, results=results)}"
    for answer in (
        creator.put(path, json={"items": []}, headers=SEEN),
        creator.delete(path, headers=SEEN),
        creator.put(f"{path}/items/1", json={"quantity": 9}, headers=SEEN),
        creator.delete(f"{path}/items/1", headers=SEEN),
        creator.put(f"{path}/form"),
    ):
        refused(answer, 409, "wrong-state")
    assert held(creator.get(path)) == {1: 1}


def test_a_request_is_completed_with_all_its_results(
    api: Api, creator: httpx.Client, moderator: httpx.Client, draft: int
) -> None:
    path = f"/requests/{formed(api, creator, draft, results=False)}"
    problem = refused(moderator.put(f"{path}/complete"), 409, "results-missing")
    assert problem["detail"] == "Results are still missing: 1. Wait for them, or reject the request."
    with api.cluster.connect(api.database) as connection:
        connection.execute(
            "UPDATE main.request_items SET result = 'falling', result_at = now() WHERE request_id = %s", [draft]
        )
    refused(creator.put(f"{path}/complete"), 403, "moderators-only")
    refused(moderator.put(f"{path}/complete", headers={"If-Match": '"old"'}), 412, "changed")
    tag = moderator.get(path).headers["ETag"]
    closed = moderator.put(f"{path}/complete", headers={"If-Match": tag})
    assert closed.status_code == 200, closed.text
    assert (closed.json()["state"], closed.json()["moderator"]) == ("completed", "moderator")
    assert closed.json()["closed_at"] > closed.json()["formed_at"]
    for each in ("complete", "reject"):
        refused(moderator.put(f"{path}/{each}"), 409, "wrong-state")


def test_a_request_can_be_rejected_before_its_results(
    api: Api, creator: httpx.Client, moderator: httpx.Client, draft: int
) -> None:
    path = f"/requests/{formed(api, creator, draft, results=False)}"
    assert moderator.put(f"{path}/reject").json()["state"] == "rejected"
    assert creator.get(path).json()["state"] == "rejected"
    refused(moderator.put(f"{path}/complete"), 409, "wrong-state")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"items": [{"stock_id": 1, "quantity": 0}]}, 422, "invalid-fields"),
        ({"items": [{"stock_id": 1, "quantity": 1000001}]}, 422, "invalid-fields"),
        ({"items": [{"stock_id": 1, "quantity": "1"}]}, 422, "invalid-fields"),
        ({"items": [{"stock_id": 1, "quantity": True}]}, 422, "invalid-fields"),
        ({"items": [{"stock_id": 1, "quantity": 1, "result": "growing"}]}, 422, "invalid-fields"),
        ({"items": [{"stock_id": 1, "quantity": 1}] * 2}, 422, "invalid-fields"),
        ({"items": [{"stock_id": number, "quantity": 1} for number in range(1, 202)]}, 422, "invalid-fields"),
        ({"items": [], "state": "completed"}, 422, "invalid-fields"),
        ({"items": [], "creator": "second"}, 422, "invalid-fields"),
        ({"items": [{"stock_id": 999999, "quantity": 1}]}, 404, "not-found"),
        ([], 422, "invalid-fields"),
    ],
)
def test_wrong_and_system_fields_are_refused(
    creator: httpx.Client, draft: int, body: Any, status: int, kind: str
) -> None:
    refused(creator.put(f"/requests/{draft}", json=body, headers=SEEN), status, kind)
    assert held(creator.get(f"/requests/{draft}")) == {1: 1}


def test_an_item_that_is_not_there(creator: httpx.Client, draft: int) -> None:
    refused(creator.put(f"/requests/{draft}/items/2", json={"quantity": 1}, headers=SEEN), 404, "not-found")
    refused(creator.delete(f"/requests/{draft}/items/2", headers=SEEN), 404, "not-found")


def test_a_draft_has_a_bound(api: Api, creator: httpx.Client, draft: int) -> None:
    with api.cluster.connect(api.database, schema="main") as connection:
        connection.execute(
            "INSERT INTO stocks (company, price, is_growing, description, picture)"
            " SELECT 'Filler ' || n, 1, true, '', 'altay-grain.svg' FROM generate_series(1, 200) AS n"
        )
        connection.execute(
            "INSERT INTO request_items (request_id, stock_id, quantity)"
            " SELECT %s, id, 1 FROM stocks WHERE company LIKE 'Filler %%' ORDER BY id LIMIT 199",
            [draft],
        )
        refused(creator.post("/stocks/2/draft"), 409, "request-full")
        assert creator.post("/stocks/1/draft").status_code == 200
        connection.execute("DELETE FROM request_items WHERE request_id = %s", [draft])
        connection.execute("UPDATE stocks SET status = 'deleted' WHERE company LIKE 'Filler %'")


def test_a_stock_that_left_the_catalogue_must_leave_the_draft(
    creator: httpx.Client, moderator: httpx.Client, draft: int
) -> None:
    body = {"company": "Brief", "price": 1, "is_growing": True, "picture": "altay-grain.svg"}
    stock = moderator.post("/stocks", json=body).json()["id"]
    creator.post(f"/stocks/{stock}/draft")
    moderator.delete(f"/stocks/{stock}", headers=SEEN)
    items = creator.get(f"/requests/{draft}").json()["items"]
    assert {item["stock_id"]: item["is_offered"] for item in items} == {1: True, stock: False}
    problem = refused(creator.put(f"/requests/{draft}/form"), 409, "stock-gone")
    assert problem["detail"] == "Brief is no longer offered; take it out of the draft."
    creator.delete(f"/requests/{draft}/items/{stock}", headers=SEEN)
    assert creator.put(f"/requests/{draft}/form").status_code == 202


def listed(client: httpx.Client, query: str = "") -> list[int]:
    answer = client.get(f"/requests{query}")
    assert answer.status_code == 200, answer.text
    return [request["id"] for request in answer.json()["requests"]]


def test_who_sees_which_requests(api: Api, creator: httpx.Client, moderator: httpx.Client, draft: int) -> None:
    before = formed(api, creator, draft, results=False)
    deleted = api.fresh_draft(creator)
    creator.delete(f"/requests/{deleted}", headers=SEEN)
    now = api.fresh_draft(creator)
    with api.signed_in("second") as other:
        theirs = api.fresh_draft(other)
        other.put(f"/requests/{theirs}/form")
        assert set(listed(other)) & {before, deleted, now} == set()
        assert listed(other, "?creator=creator") == []
    mine = listed(creator)
    assert mine[:2] == [now, before]
    assert deleted not in mine
    assert theirs not in mine
    assert listed(creator, "?state=draft") == [now]
    assert now not in listed(creator, "?state=formed&state=rejected")
    seen = listed(moderator)
    assert {before, theirs} <= set(seen)
    assert {now, deleted} & set(seen) == set()
    assert listed(moderator, "?creator=SECOND")[0] == theirs
    assert before not in listed(moderator, "?creator=second")
    assert listed(moderator, "?state=draft") == []


def test_requests_by_the_day_they_were_formed(
    api: Api, creator: httpx.Client, moderator: httpx.Client, draft: int
) -> None:
    formed(api, creator, draft, results=False)
    with api.cluster.connect(api.database) as connection:
        connection.execute("UPDATE main.requests SET formed_at = '2001-02-03 23:59:59.9+00' WHERE id = %s", [draft])
    for query, found in (
        ("formed_from=2001-02-03&formed_to=2001-02-03", True),
        ("formed_to=2001-02-02", False),
        ("formed_from=0001-01-01&formed_to=2001-02-04", True),
        ("formed_from=2001-02-04&formed_to=9999-12-31", False),
    ):
        assert (draft in listed(moderator, f"?{query}")) == found, query


def test_requests_come_in_pages(api: Api, moderator: httpx.Client) -> None:
    with api.signed_in("second") as other:
        made = []
        for _ in range(5):
            made.append(api.fresh_draft(other))
            other.put(f"/requests/{made[-1]}/form")
        seen: list[int] = []
        following: str | None = "/requests?limit=2&creator=second"
        while following and len(seen) < 5:
            answer = moderator.get(following)
            seen += [request["id"] for request in answer.json()["requests"]]
            following = answer.json()["next"]
            assert following is None or answer.headers["Link"] == f'<{following}>; rel="next"'
            # One that comes meanwhile shifts nothing.
            other.put(f"/requests/{api.fresh_draft(other)}/form")
    assert seen[:5] == made[::-1][: len(seen)][:5]


@pytest.mark.parametrize(
    "query",
    ["state=deleted", "state=gone", "formed_from=yesterday", "before=-1", "limit=1000", "formed_from=2001-02-30"],
)
def test_wrong_filters_are_refused(creator: httpx.Client, query: str) -> None:
    refused(creator.get(f"/requests?{query}"), 422, "invalid-fields")


def test_the_cart_says_one_of_two_things(api: Api, creator: httpx.Client, draft: int) -> None:
    assert creator.get("/requests/cart").text == f'{{"draft_id":{draft}}}'
    creator.delete(f"/requests/{draft}", headers=SEEN)
    assert creator.get("/requests/cart").text == '{"draft_id":null}'
    with api.signed_in("moderator") as moderator, api.guest() as guest:
        assert moderator.get("/requests/cart").text == guest.get("/requests/cart").text == '{"draft_id":null}'
