"""nginx's own errors beside those of main, and what the pages make of them in a real Chromium."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.services import nginx
from tests.services.api import Api, refused
from tests.services.browser import DESK, PHONE, chromium, faults_of, overflow, window
from tests.services.feed_client import TRANSPORTS
from tests.services.ports import free_port

# One that nginx refuses by itself, and one that main does.
BY_NGINX, BY_MAIN = "/health/live", "/pages/nowhere"
AWAY = "The service does not answer just now. Try again in a moment."
CUT_OFF = "Live updates are cut off. They go on by themselves."


def inner_url(api: Api) -> str:
    """Where main itself listens, behind nginx."""
    return f"http://127.0.0.1:{api.main.environment['SP_BIND_PORT']}"


def test_a_program_reads_problems_of_both_alike(behind_nginx: Api) -> None:
    with behind_nginx.guest() as guest:
        by_main = refused(guest.get("/stocks/999999"), 404, "not-found")
        by_nginx = refused(guest.get(BY_NGINX), 404, None)
    assert list(by_nginx) == list(by_main)


def test_a_service_that_is_away_is_a_problem_too(behind_nginx: Api) -> None:
    assert behind_nginx.main.stop() == 0
    try:
        with behind_nginx.guest() as guest:
            answer = guest.get("/stocks")
            refused(answer, 502, None)
            assert answer.headers["Retry-After"] == "2"
    finally:
        behind_nginx.launcher.start(behind_nginx.main, inner_url(behind_nginx))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.thorough
@pytest.mark.parametrize(("language", "locale"), [("en", "en-GB"), ("ru", "ru-RU")])
def test_the_page_is_for_everybody_and_says_what_main_s_does(
    behind_nginx: Api, browser: Browser, language: str, locale: str
) -> None:
    with window(browser, behind_nginx.url, locale=locale) as visitor:
        told = visitor.open(BY_MAIN).locator("h1").inner_text()
        visitor.complaints.clear()
        page = visitor.open(BY_NGINX)
        assert page.locator("html").get_attribute("lang") == language
        expect(page.locator("h1")).to_have_text(told)
        # That the style is in force.
        assert page.locator(".button").evaluate("it => getComputedStyle(it).display") == "inline-block"
        for scheme in ("light", "dark"):
            for size in (DESK, PHONE):
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size(size)  # type: ignore[arg-type]
                assert faults_of(page) == [], (scheme, size)
                assert overflow(page) == 0, size
        assert [said for said in visitor.complaints if "status of 404" not in said] == []
        page.get_by_role("link", name={"en": "To the stocks", "ru": "К акциям"}[language]).click()
        expect(page.locator(".card").first).to_be_visible()


@contextmanager
def flood(api: Api, url: str) -> Iterator[None]:
    """Ask too much from the same address until the end of the block: after a pause the next request would be let in."""
    refused, ended = threading.Event(), threading.Event()

    def ask() -> None:
        with api.launcher.client(url) as client:
            while not ended.is_set():
                if client.get("/requests/cart").status_code == 429:
                    refused.set()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        assert refused.wait(30)
        yield
    finally:
        ended.set()
        asking.join()


def add(page: Page) -> None:
    page.locator(".card button").first.click()


@pytest.mark.thorough
def test_while_the_service_is_away_the_page_stays_and_says_so(behind_nginx: Api, browser: Browser) -> None:
    with window(browser, behind_nginx.url) as visitor:
        page = visitor.open("/")
        assert behind_nginx.main.stop() == 0
        try:
            add(page)
            expect(page.locator("[data-notice]")).to_have_text(AWAY)
            expect(page.locator(".card").first).to_be_visible()
            page.reload()
            expect(page.locator("h1")).to_have_text("Back in a moment")
        finally:
            behind_nginx.launcher.start(behind_nginx.main, inner_url(behind_nginx))
        page.get_by_role("link", name="Try again").click()
        expect(page.locator(".card").first).to_be_visible()


@pytest.mark.thorough
def test_who_asks_too_much_is_told_in_place(behind_nginx: Api, browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    inner = int(behind_nginx.main.environment["SP_BIND_PORT"])
    with (
        nginx.before(tmp_path, behind_nginx.launcher.certificates, port, inner, rate=1),
        window(browser, f"https://localhost:{port}") as visitor,
    ):
        page = visitor.open("/")
        with flood(behind_nginx, f"https://localhost:{port}"):
            add(page)
            expect(page.locator("[data-notice]")).to_have_text(AWAY)
            page.reload()
            expect(page.locator("h1")).to_have_text("Too many requests")


@pytest.mark.thorough
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_feed_that_is_cut_off_says_so_and_goes_on(behind_nginx: Api, browser: Browser, transport: str) -> None:
    with behind_nginx.signed_in() as client:
        session = client.cookies["__Host-session"]
    with window(browser, behind_nginx.url, session) as visitor:
        visitor.context.add_init_script(f"sessionStorage.setItem('transport', '{transport}')")
        page = visitor.open("/pages/requests")
        page.locator(".wire summary").click()
        assert behind_nginx.main.stop() == 0
        try:
            expect(page.locator("[data-notice]")).to_have_text(CUT_OFF, timeout=20_000)
        finally:
            behind_nginx.launcher.start(behind_nginx.main, inner_url(behind_nginx))
        # A stream that goes on has nothing to say before something happens.
        heard = page.locator(f'[data-transport="{transport}"] [data-count="in"]')
        before = heard.inner_text()
        with behind_nginx.cluster.connect(behind_nginx.database, schema="main") as connection:
            connection.execute("UPDATE stocks SET price = price + 1 WHERE id = 1")
        expect(heard).not_to_have_text(before, timeout=30_000)
