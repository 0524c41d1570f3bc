"""The table of the ways: what is measured of each, and beside it the same of http."""

from tests.bench import transports

FIGURES = {"rate": 500.0, "answered_p50": 0.004, "answered_p99": 0.01, "kept_p50": 0.005, "kept_p99": 0.02}


def test_http_is_the_reference_and_has_none() -> None:
    rows = transports.rows({"http": FIGURES, "grpc": {**FIGURES, "rate": 600.0, "answered_p50": 0.002}})
    assert [row.reference for row in rows[:5]] == [None] * 5
    rate, answer = rows[5], rows[6]
    assert (rate.what, rate.value, rate.reference, rate.compared_with) == (
        "grpc: handed over, 64 at once",
        600.0,
        500.0,
        "http",
    )
    assert (answer.value, answer.reference, answer.unit) == (2.0, 4.0, "ms")
