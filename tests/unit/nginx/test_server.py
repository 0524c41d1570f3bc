"""The compiled configuration, asked through a real nginx: every refusal, and the little that gets through."""

import json
import socket
import ssl
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from network.compile.nginx import Limits
from tests.unit.nginx.web_host import DEADLY, NEIGHBOUR, PREVIOUS, TOKEN, VISITOR, WEB, Answer, Site, exchange, running

CALLBACK = "/stocks/7/put"
# The same path to some reader or other; canonical for none.
VARIANTS = (
    "//stocks/7/put",
    "/stocks//7/put",
    "/stocks/7//put",
    "/stocks/7/put/",
    "/stocks/7/put//",
    "/stocks/7/%70ut",
    "/stocks/%37/put",
    "/%73tocks/7/put",
    "/stocks%2f7/put",
    "/stocks/7%2Fput",
    "/./stocks/7/put",
    "/stocks/7/./put",
    "/stocks/7/%2e/put",
    "/a/../stocks/7/put",
    "/a/%2e%2e/stocks/7/put",
    "/stocks/7/x/../put",
    "/Stocks/7/put",
    "/stocks/7/PUT",
    "/stocks/7/put%0a",
    "/stocks/7/put?",
    "/stocks/7/put?id=8",
    "/stocks/7/put#",
)
# Other paths altogether.
OTHERS = (
    "/",
    "/stocks",
    "/stocks/7",
    "/stocks//put",
    "/stocks/x/put",
    "/stocks/-7/put",
    "/stocks/+7/put",
    "/stocks/7.0/put",
    "/stocks/7_0/put",
    "/stocks/7/put;x",
    "/stocks/7/put%20",
    "/stocks/7/putt",
    "/stocks/%EF%BC%97/put",
    "/stocks/7/put%252f",
    "/-/status-callback",
    "/health/live",
    "/callback/stocks/7/put",
)


def logged(site: Site, request_id: str) -> dict[str, str]:
    """Return the access log's entry of a request; nginx writes it after the answer."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        # The last line may be half written yet.
        for line in site.log.read_text(encoding="utf-8").rpartition("\n")[0].splitlines():
            entry: dict[str, str] = json.loads(line)
            if entry["request_id"] == request_id:
                return entry
        time.sleep(0.02)
    pytest.fail(f"no entry of request {request_id}")


# ---- The public front


def test_plain_http_redirects_known_names(site: Site) -> None:
    answer = site.send("GET /a?b HTTP/1.1\r\nHost: sallyport.test\r\nConnection: close\r\n\r\n", port=site.http)

    assert (answer.status, answer.headers["location"]) == (301, "https://sallyport.test/a?b")


@pytest.mark.parametrize(
    "host", ["evil.test", "127.0.57.10", "web1", "sallyport.test.evil.test", "x.sallyport.test", ""]
)
def test_plain_http_does_not_answer_strangers(site: Site, host: str) -> None:
    assert site.send(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n", port=site.http).status in {0, 400}


def test_plain_http_does_not_answer_a_request_without_host(site: Site) -> None:
    assert site.send("GET / HTTP/1.0\r\n\r\n", port=site.http).status == 0


@pytest.mark.parametrize("name", [None, "evil.test", "web1"])
def test_https_shakes_no_stranger_s_hand(site: Site, name: str | None) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        site.send("GET / HTTP/1.1\r\nHost: sallyport.test\r\n\r\n", name=name)


def test_https_does_not_answer_another_host_behind_a_known_name(site: Site) -> None:
    assert site.get("/", host="evil.test").status == 0
    assert site.get("/", host="web1").status == 0


def test_https_passes_on_with_what_nginx_knows(site: Site) -> None:
    lies = "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: http\r\nX-Real-IP: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n"
    lies += "X-Request-ID: forged\r\nX-Forwarded-Host: evil.test\r\nX_Forwarded_For: 1.2.3.4\r\n"
    answer = site.get("/stocks?x=1", more=lies)

    assert (answer.status, answer.body, site.asked.targets[-1]) == (200, b"ok", "/stocks?x=1")
    assert site.asked.headers["x-forwarded-for"] == VISITOR
    assert site.asked.headers["x-forwarded-proto"] == "https"
    assert site.asked.headers["host"] == "sallyport.test"
    assert len(site.asked.headers["x-request-id"]) == 32
    assert (
        not {"x-real-ip", "forwarded", "x-forwarded-host", "x_forwarded_for", "connection"} & site.asked.headers.keys()
    )


def test_https_upgrades_to_websocket(site: Site) -> None:
    answer = site.send(
        "GET /live HTTP/1.1\r\nHost: sallyport.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    )

    assert answer.status == 101
    assert site.asked.headers["connection"] == "upgrade"


@pytest.mark.parametrize("target", ["/", "/missing", "/health/live", CALLBACK])
def test_https_every_answer_has_the_security_headers(site: Site, target: str) -> None:
    headers = site.get(target).headers

    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["content-security-policy"].startswith(("default-src 'self'", "default-src 'none'"))
    assert headers["server"] == "nginx"


def test_https_a_page_s_own_content_security_policy_stays(site: Site) -> None:
    assert site.get("/page").headers["content-security-policy"] == "default-src 'none'"


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
@pytest.mark.parametrize("target", [CALLBACK, *VARIANTS, "/stocks/x/put", "/stocks/%20/put/"])
def test_https_does_not_offer_the_callback(site: Site, target: str, method: str) -> None:
    asked = len(site.asked.targets)
    answer = site.get(target, method=method)

    assert (answer.status, len(site.asked.targets)) == (404, asked)


@pytest.mark.parametrize(
    "target",
    ["/health/live", "/health", "//health/ready", "/Health/live", "/%68ealth/live", "/a/../health/live", "/metrics"],
)
def test_https_does_not_publish_health_and_metrics(site: Site, target: str) -> None:
    asked = len(site.asked.targets)

    assert (site.get(target).status, len(site.asked.targets)) == (404, asked)


# What a browser says that it takes.
BROWSER = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"


def problem(answer: Answer) -> dict[str, object]:
    """Return the problem details, checked for their form."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    found: dict[str, object] = json.loads(answer.body)
    assert list(found) == ["type", "title", "status", "detail", "request_id"]
    assert (found["type"], found["status"]) == ("about:blank", answer.status)
    assert found["title"]
    assert found["detail"]
    assert answer.headers["x-request-id"] == found["request_id"]
    return found


def page(answer: Answer) -> str:
    """Return the page of an error, checked for what is said around it."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    text = answer.body.decode()
    assert f'<html lang="{answer.headers["content-language"]}">' in text
    assert f": {answer.headers['x-request-id']}</p>" in text
    assert "<h1></h1>" not in text
    assert "$" not in text
    assert "nginx" not in text
    return text


def test_https_error_is_problem_details_and_logged(site: Site) -> None:
    found = problem(site.get("/health/live"))

    assert found["title"] == "Not Found"
    assert logged(site, str(found["request_id"]))["upstream"] == ""


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/event-stream", "text/htmlx", "x/text/html"])
def test_https_error_for_a_program_is_problem_details(site: Site, accept: str) -> None:
    problem(site.get("/health/live", more=f"Accept: {accept}\r\n" if accept else ""))


@pytest.mark.parametrize("accept", ["text/html", "Text/HTML;q=0.9", "application/xml , text/html , */*"])
def test_https_error_for_a_browser_is_a_page(site: Site, accept: str) -> None:
    assert "<h1>Not found</h1>" in page(site.get("/health/live", more=f"Accept: {accept}\r\n"))


def test_https_error_page_s_policy_allows_its_style_and_nothing_else(site: Site) -> None:
    answer = site.get("/health/live", more=BROWSER)
    style = page(answer).partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    rules = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))

    assert rules.pop("style-src") == f"'sha256-{digest}'"
    assert set(rules.values()) == {"'none'"}
    assert "default-src" in rules


@pytest.mark.parametrize(
    ("accept", "cookie", "language"),
    [
        ("", "", "en"),
        ("ru", "", "ru"),
        ("RU-ru,ru;q=0.9,en;q=0.8", "", "ru"),
        ("en-GB,en;q=0.9,ru;q=0.8", "", "en"),
        ("de, et;q=0.9, ru;q=0.8", "", "ru"),
        ("rue,xru", "", "en"),
        ("en", "a=b; __Host-language=ru", "ru"),
        ("ru", "__Host-language=en; c=d", "en"),
        ("ru", "__Host-language=xx", "ru"),
        ("en", "x__Host-language=ru", "en"),
    ],
)
def test_https_error_page_speaks_the_visitor_s_language(site: Site, accept: str, cookie: str, language: str) -> None:
    said = f"Accept-Language: {accept}\r\n" if accept else ""
    said += f"Cookie: {cookie}\r\n" if cookie else ""
    answer = site.get("/health/live", more=BROWSER + said)

    assert answer.headers["content-language"] == language
    assert {"en": "<h1>Not found</h1>", "ru": "<h1>Не найдено</h1>"}[language] in page(answer)


def test_https_application_s_own_error_is_passed_on(site: Site) -> None:
    answer = site.get("/missing", more=BROWSER)

    assert (answer.status, answer.body) == (404, b"ok")


# Each refusal that nginx makes by itself, but those by time and by number.
REFUSALS = [
    ("GET / HTTP/1.1\r\nHost: sallyport.test\r\n{accept}Host: evil.test\r\n\r\n", 400),
    ("GET /a\x01 HTTP/1.1\r\nHost: sallyport.test\r\n\r\n", 400),
    ("GET /health HTTP/1.1\r\nHost: sallyport.test\r\nConnection: close\r\n{accept}\r\n", 404),
    ("TRACE / HTTP/1.1\r\nHost: sallyport.test\r\n{accept}\r\n", 405),
    (f"GET /{'a' * 9000} HTTP/1.1\r\nHost: sallyport.test\r\n\r\n", 414),
    (f"GET / HTTP/1.1\r\nHost: sallyport.test\r\n{{accept}}Cookie: {'a' * 9000}\r\n\r\n", 431),
    ("POST / HTTP/1.1\r\nHost: sallyport.test\r\n{accept}Content-Length: 1048577\r\n\r\n", 413),
    ("POST / HTTP/1.1\r\nHost: sallyport.test\r\n{accept}Transfer-Encoding: gzip\r\n\r\n", 501),
    ("GET / HTTP/3.0\r\nHost: sallyport.test\r\n\r\n", 505),
]


@pytest.mark.parametrize(("request_text", "status"), REFUSALS)
def test_https_every_refusal_has_the_site_s_shape(site: Site, request_text: str, status: int) -> None:
    answer = site.send(request_text.format(accept=""))
    assert answer.status == status
    assert answer.headers["x-frame-options"] == "DENY"
    problem(answer)
    if "{accept}" in request_text:
        assert page(site.send(request_text.format(accept=BROWSER))), status


def test_https_method_that_nobody_may_use_names_those_one_may(site: Site) -> None:
    assert site.get("/", method="TRACE").headers["allow"] == "GET, POST, PUT, DELETE"
    assert site.callback_request(method="TRACE").headers["allow"] == "PUT"
    assert "allow" not in site.get("/health").headers


def test_https_port_asked_in_plain_text(site: Site) -> None:
    """A visitor of ours is told so; a stranger is told nothing."""
    for host, status in (("sallyport.test", 400), ("evil.test", 0)):
        with socket.create_connection((WEB, site.https), timeout=10) as raw:
            answer = exchange(raw, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert answer.status == status
        if status:
            problem(answer)


def test_plain_http_refusal_has_the_site_s_shape(site: Site) -> None:
    answer = site.send(f"GET /{'a' * 9000} HTTP/1.1\r\nHost: sallyport.test\r\n\r\n", port=site.http)
    # Nobody's name was read yet, so it went to the server for strangers.
    assert answer.status == 0
    answer = site.send("TRACE / HTTP/1.1\r\nHost: sallyport.test\r\n\r\n", port=site.http)
    assert answer.status == 405
    assert "strict-transport-security" not in answer.headers
    problem(answer)


def test_application_that_is_away_is_told_of(tmp_path: Path) -> None:
    with running(tmp_path, Limits(), reachable=False) as site:
        answer = site.get("/stocks")
        shown = site.get("/stocks", more=BROWSER + "Accept-Language: ru\r\n")
        called = site.callback_request()

    assert answer.status == shown.status == called.status == 502
    assert answer.headers["retry-after"] == shown.headers["retry-after"] == called.headers["retry-after"] == "2"
    assert problem(answer)["title"] == problem(called)["title"] == "Bad Gateway"
    assert "<h1>Скоро вернёмся</h1>" in page(shown)
    assert '<a class="button" href="">Попробовать снова</a>' in page(shown)


@pytest.mark.parametrize(
    "request_text",
    [
        "GET / HTTP/1.1\r\nHost: sallyport.test\r\nHost: evil.test\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: sallyport.test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: sallyport.test\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: sallyport.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0",
        "POST / HTTP/1.1\r\nHost: sallyport.test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: sallyport.test\r\nX-Forwarded-For : 1.2.3.4\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: sallyport.test\r\n X: folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: sallyport.test\r\nX: a\x00b\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: sallyport.test\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: sallyport.test\r\n\r\n",
        "GET /.. HTTP/1.1\r\nHost: sallyport.test\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: sallyport.test/evil\r\n\r\n",
        "get / HTTP/1.1\r\nHost: sallyport.test\r\n\r\n",
        "CONNECT evil.test:80 HTTP/1.1\r\nHost: sallyport.test\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: sallyport.test\r\n\r\n",
    ],
)
def test_https_refuses_what_two_readers_could_read_differently(site: Site, request_text: str) -> None:
    asked = len(site.asked.targets)
    answer = site.send(request_text)

    assert answer.status in {400, 405, 501}
    assert len(site.asked.targets) == asked


def test_https_refuses_old_tls(site: Site) -> None:
    context = ssl.create_default_context(cafile=str(site.authority))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:ECDHE-ECDSA-AES128-SHA")
    with socket.create_connection((WEB, site.https), timeout=5) as raw, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(raw, server_hostname="sallyport.test")


def test_https_log_has_no_secret(site: Site) -> None:
    site.get("/stocks?token=In-The-Query", more="Authorization: Bearer In-The-Header\r\nCookie: a=In-The-Cookie\r\n")
    time.sleep(0.1)
    text = site.log.read_text(encoding="utf-8")

    assert '"path":"/stocks"' in text
    assert "In-The-" not in text


# ---- The guarded flow


@pytest.mark.parametrize("target", [CALLBACK, "/stocks/0/put", "/stocks/12345678901234567890/put"])
def test_callback_exact_request_passes(site: Site, target: str) -> None:
    answer = site.callback_request(target)

    assert (answer.status, site.asked.targets[-1]) == (200, target)
    assert site.asked.headers["x-forwarded-for"] == "127.0.58.10"


def test_callback_is_never_asked_twice(site: Site) -> None:
    # Over connections that every worker has kept: their end nginx takes for idleness, and would ask again.
    for _ in range(10):
        assert site.callback_request().status == 200
        assert site.callback_request(DEADLY).status == 502
    assert site.asked.targets.count(DEADLY) == 10


@pytest.mark.parametrize(("carried", "kept"), [("deed-0001", True), ("two words", False), ('"}', False), ("", False)])
def test_callback_goes_on_with_the_request_id_of_the_deed(site: Site, carried: str, kept: bool) -> None:
    assert site.callback_request(more=f"X-Request-ID: {carried}\r\n").status == 200
    found = site.asked.headers["x-request-id"]
    assert (found == carried) is kept
    assert kept or len(found) == 32


def test_callback_either_of_two_tokens_passes(site: Site) -> None:
    assert site.callback_request(token=PREVIOUS).status == 200


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_callback_json_with_parameters_passes(site: Site, kind: str) -> None:
    assert site.callback_request(kind=kind).status == 200


def refused(site: Site, answer: Answer, status: int, unmet: str) -> None:
    """Assert the status, that the log names the demand, and that the application was never asked."""
    entry = logged(site, str(problem(answer)["request_id"]))

    assert answer.status == status
    assert (entry["status"], entry["upstream"], entry["unmet:status-callback"]) == (str(status), "", unmet)


@pytest.mark.parametrize(
    "token", [None, "", "wrong", "kb7zqn-1", "Kb7zQn-1x", "xKb7zQn-1", " Kb7zQn-1 x", "Kb7zQn-1,Kb7zQn-1"]
)
def test_callback_wrong_token_is_refused(site: Site, token: str | None) -> None:
    refused(site, site.callback_request(token=token), 401, "token")
    assert site.callback_request(token=token).headers["www-authenticate"] == "Bearer"


def test_callback_blank_after_the_token_is_no_part_of_it(site: Site) -> None:
    assert site.callback_request(token=f"{TOKEN} ").status == 200  # RFC 9110, 5.5


def test_callback_token_in_another_place_is_refused(site: Site) -> None:
    refused(
        site,
        site.callback_request(token=None, more="X-Authorization: Bearer Kb7zQn-1\r\nCookie: t=Kb7zQn-1\r\n"),
        401,
        "token",
    )
    refused(site, site.callback_request(token=None, more="Authorization: Basic Kb7zQn-1\r\n"), 401, "token")
    refused(site, site.callback_request(token=None, more="Authorization: Kb7zQn-1\r\n"), 401, "token")
    refused(site, site.callback_request(token=None, more="Authorization: bearer Kb7zQn-1\r\n"), 401, "token")


def test_callback_two_authorizations_are_refused(site: Site) -> None:
    asked = len(site.asked.targets)

    assert site.callback_request(more="Authorization: Bearer wrong\r\n").status == 400
    assert len(site.asked.targets) == asked


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH", "OPTIONS", "PUTS", "HEAD"])
def test_callback_other_method_is_refused(site: Site, method: str) -> None:
    asked = len(site.asked.targets)
    answer = site.callback_request(method=method, more="X-HTTP-Method-Override: PUT\r\n")

    assert (answer.status, len(site.asked.targets)) == (403, asked)


def test_callback_other_method_is_named_in_the_log(site: Site) -> None:
    refused(site, site.callback_request(method="POST"), 403, "method")


@pytest.mark.parametrize("target", [*VARIANTS, *OTHERS])
def test_callback_any_other_path_is_refused(site: Site, target: str) -> None:
    asked = len(site.asked.targets)
    answer = site.callback_request(target)

    assert answer.status in ({404} if target.startswith("/-/") else {403})
    assert len(site.asked.targets) == asked


def test_callback_path_that_is_not_canonical_is_named_in_the_log(site: Site) -> None:
    refused(site, site.callback_request(target="/stocks/7//put"), 403, "path")


def test_callback_absolute_target_reaches_only_the_same_path(site: Site) -> None:
    assert site.callback_request(f"https://evil.test{CALLBACK}").status == 0
    assert site.callback_request(f"https://web1{CALLBACK}").status == 200


@pytest.mark.parametrize(
    "kind", [None, "", "text/plain", "application/jsonp", "multipart/form-data", "text/application/json"]
)
def test_callback_other_content_type_is_refused(site: Site, kind: str | None) -> None:
    refused(site, site.callback_request(kind=kind), 403, "type")


def test_callback_oversized_body_is_refused(site: Site) -> None:
    assert site.callback_request(body="x" * 4096).status == 200
    refused(site, site.callback_request(body="x" * 4097), 413, "")


def test_callback_oversized_chunked_body_is_refused(site: Site) -> None:
    asked = len(site.asked.targets)
    request = f"PUT {CALLBACK} HTTP/1.1\r\nHost: web1\r\nAuthorization: Bearer Kb7zQn-1\r\nConnection: close\r\n"
    request += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    request += f"1100\r\n{'x' * 0x1100}\r\n0\r\n\r\n"

    assert site.send(request, port=site.callback, source="127.0.58.10", name="web1").status == 413
    assert len(site.asked.targets) == asked


@pytest.mark.parametrize("source", [NEIGHBOUR, VISITOR, "127.0.58.3", "127.0.0.1"])
def test_callback_from_another_host_is_refused(site: Site, source: str) -> None:
    refused(site, site.callback_request(source=source), 403, "")


@pytest.mark.parametrize("source", [NEIGHBOUR, VISITOR])
def test_callback_another_host_is_not_believed_by_header(site: Site, source: str) -> None:
    refused(
        site,
        site.callback_request(source=source, more="X-Forwarded-For: 127.0.58.10\r\nX-Real-IP: 127.0.58.10\r\n"),
        403,
        "",
    )


@pytest.mark.parametrize("host", ["evil.test", "sallyport.test", "localhost"])
def test_callback_other_host_name_is_not_answered(site: Site, host: str) -> None:
    request = f"PUT {CALLBACK} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer Kb7zQn-1\r\nContent-Length: 0\r\n\r\n"

    assert site.send(request, port=site.callback, source="127.0.58.10", name="web1").status == 0


def test_callback_smuggled_second_request_is_judged_too(site: Site) -> None:
    asked = len(site.asked.targets)
    second = f"PUT {CALLBACK} HTTP/1.1\r\nHost: web1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    first = f"PUT {CALLBACK} HTTP/1.1\r\nHost: web1\r\nAuthorization: Bearer Kb7zQn-1\r\n"
    first += "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    answer = site.send(first + second, port=site.callback, source="127.0.58.10", name="web1")

    assert answer.status == 200
    assert b"HTTP/1.1 401" in answer.body
    assert len(site.asked.targets) == asked + 1


def test_callback_log_has_no_token(site: Site) -> None:
    site.callback_request()
    site.callback_request(token="Wrong-Token")  # noqa: S106
    time.sleep(0.1)
    text = site.log.read_text(encoding="utf-8") + site.error_log.read_text(encoding="utf-8")

    assert '"unmet:status-callback":"token"' in text
    assert "Kb7zQn-1" not in text
    assert "Wrong-Token" not in text


# ---- Limits


def test_limits_front_answers_429(strict_site: Site) -> None:
    answers = [strict_site.get("/") for _ in range(10)]
    refusals = [answer for answer in answers if answer.status == 429]

    assert answers[0].status == 200
    assert len(refusals) >= 4
    assert refusals[0].headers["x-frame-options"] == "DENY"
    assert refusals[0].headers["retry-after"] == "1"
    assert problem(refusals[0])["title"] == "Too Many Requests"
    shown = page(strict_site.get("/", more=BROWSER))
    assert "<h1>Too many requests</h1>" in shown
    assert '<a class="button" href="">Try again</a>' in shown


def test_limits_front_counts_each_address_apart(strict_site: Site) -> None:
    request = "GET / HTTP/1.1\r\nHost: sallyport.test\r\nConnection: close\r\n\r\n"
    for _ in range(8):
        strict_site.send(request, source="127.0.56.11")

    assert strict_site.send(request, source="127.0.56.12").status == 200


def test_limits_streams_of_one_address(strict_site: Site) -> None:
    request = "GET /feed/events HTTP/1.1\r\nHost: sallyport.test\r\nConnection: close\r\n\r\n"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: strict_site.send(request, source="127.0.56.14"), range(4)))

    assert sorted(answer.status for answer in answers) == [200, 200, 429, 429]
    assert [problem(answer)["status"] for answer in answers if answer.status != 200] == [429, 429]
    assert strict_site.send(request, source="127.0.56.15").status == 200


def test_limits_front_body(strict_site: Site) -> None:
    request = "POST / HTTP/1.1\r\nHost: sallyport.test\r\nContent-Length: 1025\r\nConnection: close\r\n\r\n"

    assert strict_site.send(request + "x" * 1025, source="127.0.56.13").status == 413


def test_limits_guessing_tokens_answers_429_and_the_right_token_still_passes(strict_site: Site) -> None:
    answers = [strict_site.callback_request(token=f"guess{number}") for number in range(8)]
    statuses = [answer.status for answer in answers]

    assert {problem(answer)["status"] for answer in answers} == {401, 429}
    assert statuses[0] == 401
    assert statuses.count(429) >= 4
    assert [strict_site.callback_request().status for _ in range(20)] == [200] * 20
