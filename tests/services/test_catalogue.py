"""Stocks: found by anybody, edited by moderators, and never by two at once without noticing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import httpx
import pytest

from tests.services.api import Api, refused

numbers = count(1)


@pytest.fixture
def moderator(api: Api) -> Iterator[httpx.Client]:
    with api.signed_in("moderator") as client:
        yield client


def offer(**changes: Any) -> dict[str, Any]:
    """A stock of a new company."""
    return {
        "company": f"Company {next(numbers)}",
        "price": "10.50",
        "is_growing": True,
        "description": "Made for a test.",
        "picture": "altay-grain.svg",
        **changes,
    }


def add(moderator: httpx.Client, **changes: Any) -> tuple[str, str, dict[str, Any]]:
    """Path, tag and content of a new stock."""
    answer = moderator.post("/stocks", json=offer(**changes))
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"], answer.headers["ETag"], answer.json()


def test_a_stock_is_added_changed_and_deleted(api: Api, moderator: httpx.Client) -> None:
    path, tag, added = add(moderator, price=12)
    with api.guest() as guest:
        seen = guest.get(path)
        assert (seen.json(), seen.headers["ETag"]) == (added, tag)
        assert (added["price"], added["version"]) == ("12.00", 1)

        changed = moderator.put(path, json=offer(price=0.01), headers={"If-Match": tag})
        assert changed.status_code == 200, changed.text
        assert (changed.json()["price"], changed.json()["version"]) == ("0.01", 2)
        assert changed.headers["ETag"] not in {tag, ""}

        gone = moderator.delete(path, headers={"If-Match": changed.headers["ETag"]})
        assert (gone.status_code, gone.content) == (204, b"")
        refused(guest.get(path), 404, "not-found")
        assert added["id"] not in {stock["id"] for stock in guest.get("/stocks?limit=100").json()["stocks"]}
    refused(moderator.delete(path, headers={"If-Match": "*"}), 404, "not-found")


@pytest.mark.parametrize(
    ("name", "status", "kind"), [(None, 401, "sign-in-needed"), ("creator", 403, "moderators-only")]
)
def test_only_moderators_edit(api: Api, moderator: httpx.Client, name: str | None, status: int, kind: str) -> None:
    path, tag, _ = add(moderator)
    with api.signed_in(name) if name else api.guest() as client:
        refused(client.post("/stocks", json=offer()), status, kind)
        refused(client.put(path, json=offer(), headers={"If-Match": tag}), status, kind)
        refused(client.delete(path, headers={"If-Match": tag}), status, kind)


def test_an_edit_names_the_version_it_saw(moderator: httpx.Client) -> None:
    path, tag, _ = add(moderator)
    refused(moderator.put(path, json=offer()), 428, "version-needed")
    refused(moderator.delete(path), 428, "version-needed")
    for wrong in ('"another"', f"W/{tag}", tag.strip('"'), ""):
        refused(moderator.put(path, json=offer(), headers={"If-Match": wrong}), 412, "changed")
        refused(moderator.delete(path, headers={"If-Match": wrong}), 412, "changed")
    assert moderator.put(path, json=offer(), headers={"If-Match": f'"another", {tag}'}).status_code == 200
    assert moderator.put(path, json=offer(), headers={"If-Match": "*"}).status_code == 200
    assert moderator.delete(path, headers={"If-Match": "*"}).status_code == 204


def test_of_many_edits_of_one_version_one_wins(moderator: httpx.Client) -> None:
    path, tag, _ = add(moderator)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: moderator.put(path, json=offer(), headers={"If-Match": tag}), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


def test_what_is_known_is_not_sent_again(api: Api, moderator: httpx.Client) -> None:
    path, tag, _ = add(moderator)
    with api.guest() as guest:
        for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            answer = guest.get(path, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)
        assert guest.get(path, headers={"If-None-Match": '"x"'}).status_code == 200


def test_a_company_has_one_stock(moderator: httpx.Client) -> None:
    first, tag, added = add(moderator)
    second, second_tag, _ = add(moderator)
    same = added["company"].upper()
    refused(moderator.post("/stocks", json=offer(company=same)), 409, "company-taken")
    refused(moderator.put(second, json=offer(company=same), headers={"If-Match": second_tag}), 409, "company-taken")
    moderator.delete(first, headers={"If-Match": tag})
    add(moderator, company=same)


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"company": ""}, "company"),
        ({"company": " "}, "company"),
        ({"company": "a\x00b"}, "company"),
        ({"company": "a\nb"}, "company"),
        ({"company": "x" * 101}, "company"),
        # Names that nobody can see, and one that is read backwards.
        ({"company": "\u00a0"}, "company"),
        ({"company": "\u200b"}, "company"),
        ({"company": "\u2028"}, "company"),
        ({"company": "a\u0085b"}, "company"),
        ({"company": "a\u202eb"}, "company"),
        ({"company": "Altay\u200b Grain"}, "company"),
        ({"company": None}, "company"),
        ({"price": "0"}, "price"),
        ({"price": -1}, "price"),
        ({"price": "1.001"}, "price"),
        ({"price": "10000000000"}, "price"),
        ({"price": "NaN"}, "price"),
        ({"price": "1e9999999"}, "price"),
        ({"price": True}, "price"),
        ({"is_growing": "true"}, "is_growing"),
        ({"is_growing": 1}, "is_growing"),
        ({"description": "\x00"}, "description"),
        ({"description": "x" * 2001}, "description"),
        ({"picture": "no-such.svg"}, "picture"),
        ({"picture": "../app.js"}, "picture"),
        ({"id": 7}, "id"),
        ({"version": 7}, "version"),
        ({"status": "deleted"}, "status"),
    ],
)
def test_wrong_and_system_fields_are_refused(moderator: httpx.Client, changes: dict[str, Any], at: str) -> None:
    problem = refused(moderator.post("/stocks", json=offer(**changes)), 422, "invalid-fields")
    assert {error["at"].split(".")[0] for error in problem["errors"]} == {at}


@pytest.mark.parametrize(
    "company", ["Robert'); DROP TABLE stocks;--", "<script>alert(1)</script>", "{{ 7 * 7 }}", "Ёжик & Со", "名前", "%s"]
)
def test_a_company_is_data_and_nothing_else(api: Api, moderator: httpx.Client, company: str) -> None:
    path, _, added = add(moderator, company=company)
    assert added["company"] == company
    with api.guest() as guest:
        assert guest.get(path).json()["company"] == company
        assert [stock["company"] for stock in guest.get("/stocks", params={"q": company}).json()["stocks"]] == [company]
        assert "<script>alert" not in guest.get("/").text


def test_a_name_that_is_typed_in_two_ways_is_one_name(api: Api, moderator: httpx.Client) -> None:
    """A letter and its accent as one character or as two: they look the same."""
    _, _, added = add(moderator, company="Cafe\u0301 Novy\u0438\u0306")
    assert added["company"] == "Caf\u00e9 Novy\u0439"
    refused(moderator.post("/stocks", json=offer(company="Caf\u00e9 Novy\u0439")), 409, "company-taken")
    with api.guest() as guest:
        assert companies(guest, q="cafe\u0301") == ["Caf\u00e9 Novy\u0439"]


def test_pictures_come_with_the_service(api: Api) -> None:
    with api.guest() as guest:
        pictures = guest.get("/pictures").json()["pictures"]
        assert len(pictures) >= 6
        for picture in pictures:
            assert guest.get(f"/static/pictures/{picture}").status_code == 200


def companies(client: httpx.Client, **query: Any) -> list[str]:
    answer = client.get("/stocks", params=query)
    assert answer.status_code == 200, answer.text
    return [stock["company"] for stock in answer.json()["stocks"]]


def test_search_and_filters(api: Api, moderator: httpx.Client) -> None:
    add(moderator, company="Zeta One", price=5, is_growing=True, description="100% wool_")
    add(moderator, company="Zeta Two", price=7, is_growing=False, description="Ёлка")
    with api.guest() as guest:
        assert companies(guest, q="zeta") == ["Zeta One", "Zeta Two"]
        assert companies(guest, q="0% wool_") == ["Zeta One"]
        assert companies(guest, q="ёлка") == ["Zeta Two"]
        assert companies(guest, q="zeta", is_growing="true") == ["Zeta One"]
        assert companies(guest, q="zeta", min_price="5.01") == ["Zeta Two"]
        assert companies(guest, q="zeta", min_price="5", max_price="7") == ["Zeta One", "Zeta Two"]
        assert companies(guest, q="zeta", max_price="4") == []


def test_pages_hold_every_stock_once_while_others_come_and_go(api: Api, moderator: httpx.Client) -> None:
    made = [add(moderator, company=f"Page {number}") for number in range(7)]
    with api.guest() as guest:
        seen: list[str] = []
        answer = guest.get("/stocks?q=page%20&limit=2")
        while True:
            seen += [stock["company"] for stock in answer.json()["stocks"]]
            following = answer.json()["next"]
            assert ("Link" in answer.headers) == (following is not None)
            if following is None:
                break
            assert answer.headers["Link"] == f'<{following}>; rel="next"'
            if len(seen) == 2:
                # The last one of the page before, one that was seen, and one that is still to come.
                moderator.delete(made[1][0], headers={"If-Match": "*"})
                moderator.delete(made[4][0], headers={"If-Match": "*"})
                add(moderator, company="Page 3b")
            answer = guest.get(following)
    assert seen == ["Page 0", "Page 1", "Page 2", "Page 3", "Page 3b", "Page 5", "Page 6"]


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ("limit=0", "query.limit"),
        ("limit=101", "query.limit"),
        ("limit=x", "query.limit"),
        ("after=0", "query.after"),
        (f"after={2**63}", "query.after"),
        ("q=%00", "query.q"),
        ("q=" + "x" * 101, "query.q"),
        ("is_growing=maybe", "query.is_growing"),
        ("min_price=NaN", "query.min_price"),
        ("min_price=1e999999999", "query.min_price"),
        # PostgreSQL's numeric does not reach that far, though no price is as small.
        ("min_price=1e-999999", "query.min_price"),
        ("max_price=1e-20000", "query.max_price"),
        ("max_price=0.001", "query.max_price"),
        ("grows=true", "query.grows"),
    ],
)
def test_wrong_filters_are_refused(api: Api, query: str, at: str) -> None:
    with api.guest() as guest:
        problem = refused(guest.get(f"/stocks?{query}"), 422, "invalid-fields")
        assert [error["at"] for error in problem["errors"]] == [at]


def test_broken_utf8_in_a_filter_finds_nothing(api: Api) -> None:
    with api.guest() as guest:
        assert guest.get("/stocks?q=%ff%fe").json()["stocks"] == []
