"""What a visitor is told when nginx refuses by itself: through the edge, as deployed."""

from tests.web import Answer, Visitor, ask_web


def ask(visitor: Visitor, target: str, accept: str) -> Answer:
    headers = {"Host": visitor.door.name, "Accept": accept, "Accept-Language": "ru"}
    request = {"method": "GET", "target": target, "headers": headers, "body": ""}
    return ask_web(visitor.shell, visitor.door, [request])[0]


def test_a_program_gets_a_problem_and_a_browser_a_page(creator: Visitor) -> None:
    told = ask(creator, "/health/live", "application/json")
    shown = ask(creator, "/health/live", "text/html,*/*;q=0.8")

    assert (told.status, told.headers["content-type"]) == (404, "application/problem+json")
    assert told.json["request_id"] == told.headers["x-request-id"]
    assert (shown.status, shown.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<h1>Не найдено</h1>" in shown.body
