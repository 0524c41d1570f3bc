"""The moderator's page of registrations, without scripts."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.main.entrypoints.pages.chart import HEIGHT, WIDTH, bars
from tests.services.api import Api


@given(st.lists(st.integers(0, 10**6), max_size=366))
def test_bars_lie_side_by_side_and_tell_the_counts(counts: list[int]) -> None:
    found = bars(counts)
    assert len(found) == len(counts)
    for bar, count in zip(found, counts, strict=True):
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH + 0.1
        assert bar.y + bar.height == pytest.approx(HEIGHT, abs=0.02)
        assert bar.height == pytest.approx(HEIGHT * count / (max(counts) or 1), abs=0.01)
    assert all(left.x + left.width <= right.x + 0.02 for left, right in pairwise(found))


@pytest.fixture(scope="module")
def counted(api: Api) -> Api:
    with api.cluster.connect(api.database) as connection:
        connection.execute(
            "INSERT INTO stats.registrations VALUES ('2026-03-08 12:00+00', 5), ('2026-03-09 00:00+00', 2)"
        )
    return api


def test_the_page_has_chart_and_table_in_both_languages(counted: Api) -> None:
    with counted.signed_in("moderator") as client:
        address = "/pages/statistics?from_day=2026-03-07&to_day=2026-03-09"
        english = client.get(address, headers={"Accept-Language": "en"})
        russian = client.get(address, headers={"Accept-Language": "ru"})
    assert english.status_code == russian.status_code == 200
    rows = re.findall(r'scope="row">([^<]+)</th>\s*<td[^>]*>(\d+)</td>', english.text)
    assert rows == [("9 Mar 2026", "2"), ("8 Mar 2026", "5"), ("7 Mar 2026", "0")]
    heights = [float(found) for found in re.findall(r'<rect [^>]*height="([0-9.]+)"', english.text)]
    assert heights == [0, HEIGHT, pytest.approx(HEIGHT * 2 / 5)]
    assert "time zone UTC" in english.text
    assert "7 registrations in these days." in english.text
    assert "7 регистраций за эти дни." in russian.text
    assert 'style="' not in english.text
    assert 'aria-current="page"' in english.text


def test_a_wrong_span_is_told_at_the_field_and_kept(counted: Api) -> None:
    with counted.signed_in("moderator") as client:
        answer = client.get(
            "/pages/statistics?from_day=2020-01-01&to_day=2026-03-09", headers={"Accept-Language": "en"}
        )
        assert answer.status_code == 422
        assert 'value="2020-01-01"' in answer.text
        assert "at most 366 days are shown" in answer.text
        assert client.get("/pages/statistics?from_day=soon").status_code == 422


def test_the_page_is_for_moderators(counted: Api) -> None:
    with counted.guest() as guest:
        assert guest.get("/pages/statistics", headers={"Accept": "text/html"}).status_code in {303, 401}
    with counted.signed_in("creator") as creator:
        answer = creator.get("/pages/statistics", headers={"Accept": "text/html"})
        assert answer.status_code == 403
        assert "/pages/statistics" not in creator.get("/").text
