"""The pages in a real Chromium: for a screen reader, by keyboard, on a phone, in the dark, live, and without scripts.

Main, the relay and the async service are the real ones.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from services.main.entrypoints.pages.language import language
from tests.services.browser import DESK, PHONE, Window, chromium, faults_of, overflow, window
from tests.services.cluster import APP_USERS, Cluster
from tests.services.feed_client import TRANSPORTS
from tests.services.processes import Launcher
from tests.services.test_journey import Town, build

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]

LANGUAGES = {"en": "en-GB", "ru": "ru-RU"}
# What Chromium says by itself of a page that is refused.
TOLD_BY_STATUS = "Failed to load resource: the server responded with a status of"


@dataclass
class Scene:
    """A town in which something has happened already. Sessions by user."""

    town: Town
    browser: Browser
    sessions: dict[str, str]
    formed: int
    completed: int
    draft: int
    pages: dict[str, list[str]]

    def window(self, user: str = "", **settings: Any) -> AbstractContextManager[Window]:
        return window(self.browser, self.town.url, self.sessions.get(user, ""), **settings)


@pytest.fixture(scope="module")
def scene(module_launcher: Launcher, cluster: Cluster, module_database: str) -> Iterator[Scene]:
    town = build(module_launcher, cluster, module_database, SP_DEFER_SECONDS="2.5")
    with town.signed_in() as creator, town.signed_in("moderator") as moderator, town.signed_in("second") as second:
        completed = town.formed(creator, 1, 2, 3)
        town.results(creator, completed)
        assert moderator.put(f"/requests/{completed}/complete").status_code == 200
        formed = town.formed(creator, 4, 5, 6)
        town.results(creator, formed)
        draft = creator.post("/stocks/2/draft").json()["draft_id"]
        sessions = {
            name: client.cookies["__Host-session"]
            for name, client in (("creator", creator), ("moderator", moderator), ("second", second))
        }
    request = f"/pages/requests/{formed}"
    pages = {
        "": ["/", "/?q=nothing", "/?min_price=x", "/pages/login", "/pages/register", "/pages/nowhere"],
        "creator": [
            "/",
            "/pages/requests",
            "/pages/requests?state=x",
            f"/pages/requests/{draft}",
            f"/pages/requests/{draft}/delete",
            request,
            f"{request}/timeline",
            "/pages/stocks/new",
        ],
        "moderator": [
            "/",
            "/pages/requests",
            request,
            "/pages/stocks/new",
            "/pages/stocks/1/edit",
            "/pages/stocks/1/delete",
            "/pages/statistics",
            "/pages/statistics?from_day=2020-01-01",
        ],
    }
    with chromium() as browser:
        yield Scene(town, browser, sessions, formed, completed, draft, pages)


@pytest.mark.parametrize("user", ["", "creator", "moderator"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_for_everybody(scene: Scene, user: str, language: str) -> None:
    """Axe finds nothing, light or dark, on a desk or a phone; nothing sticks out; and the policy was kept."""
    # Colours are the same in every language.
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark") if language == "en" else ("light",)
    with scene.window(user, locale=LANGUAGES[language]) as visitor:
        for path in scene.pages[user]:
            page = visitor.open(path)
            assert page.locator("html").get_attribute("lang") == language
            for scheme in schemes:
                for size in (DESK, PHONE):
                    page.emulate_media(color_scheme=scheme)
                    page.set_viewport_size(size)  # type: ignore[arg-type]
                    assert faults_of(page) == [], (path, scheme, size)
                    assert overflow(page) == 0, (path, size)
            page.close()
        assert [said for said in visitor.complaints if not said.startswith(TOLD_BY_STATUS)] == []


def test_a_fault_a_violation_and_an_overflow_would_be_seen(scene: Scene) -> None:
    """What the test above relies on."""
    with scene.window() as visitor:
        page = visitor.open("/")
        page.evaluate("document.querySelector('label').remove()")
        assert [fault["rule"] for fault in faults_of(page)] == ["label"]
        page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'x = 1'}))")
        page.evaluate("document.body.setAttribute('style', 'width: 3000px')")
        assert len([said for said in visitor.complaints if "Content Security Policy" in said]) == 2
        page.evaluate("document.body.style.width = '3000px'")
        assert overflow(page) > 1000


def test_stricter_letter_and_line_spacing_fits_on_a_phone(scene: Scene) -> None:
    """WCAG 1.4.12: what somebody who reads with difficulty sets in their browser."""
    wide = "line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important"
    with scene.window("creator", locale="ru-RU", viewport=PHONE, bypass_csp=True) as visitor:
        for path in scene.pages["creator"]:
            page = visitor.open(path)
            page.add_style_tag(content=f"* {{ {wide} }}")
            assert overflow(page) == 0, path
            page.close()


def focused(page: Page) -> dict[str, object]:
    """What has the focus: its words, whether it shows it, and whether anything lies over it."""
    found = page.evaluate(
        """() => {
          const it = document.activeElement;
          const box = it.getBoundingClientRect();
          const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
          return {
            words: (it.ariaLabel || (it.matches("select") ? "" : it.innerText) || it.name).trim().replace(/\\s+/g, " "),
            outlined: getComputedStyle(it).outlineStyle !== "none",
            covered: !(it === top || it.contains(top) || top?.contains(it)),
          };
        }"""
    )
    assert isinstance(found, dict)
    return found


def test_the_keyboard_alone_leads_from_the_door_to_a_formed_request(scene: Scene) -> None:
    with scene.window() as visitor:
        page = visitor.open("/")

        def walk_to(words: str, key: str = "Tab") -> list[str]:
            passed = []
            for _ in range(60):
                page.keyboard.press(key)
                page.wait_for_timeout(20)
                at = focused(page)
                assert at["outlined"], at
                assert not at["covered"], at
                passed.append(str(at["words"]))
                if at["words"] == words:
                    return passed
            raise AssertionError(f"{words} is not among {passed}")

        assert walk_to("Sign in") == ["Skip to content", "Sallyport", "Stocks", "Sign in"]
        page.keyboard.press("Enter")
        page.wait_for_url("**/pages/login**")
        # The first field has the focus already.
        page.keyboard.type("second")
        page.keyboard.press("Tab")
        page.keyboard.type(APP_USERS["second"])
        page.keyboard.press("Enter")
        page.wait_for_url(scene.town.url + "/")
        assert walk_to("Skip to content") == ["Skip to content"]
        page.keyboard.press("Enter")
        assert walk_to("Add to draft Altay Grain")[:2] == ["q", "is_growing"]
        page.keyboard.press("Enter")
        expect(page.locator("[data-notice]")).to_have_text("Added to the draft.")
        expect(page.get_by_role("link", name="Open draft")).to_be_visible()
        walk_to("Open draft", "Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Draft")
        walk_to("Quantity of Altay Grain")
        page.keyboard.press("Control+A")
        page.keyboard.type("3")
        # Enter in a field saves: it neither removes nor forms.
        page.keyboard.press("Enter")
        expect(page.locator("[data-notice]")).to_have_text("Saved.")
        walk_to("Form the request")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Request")
        expect(page.locator("[data-result-of] .trend")).to_be_visible()
        expect(page.locator("[data-notice]")).to_contain_text("Altay Grain:")
        assert visitor.complaints == []


def form_request(scene: Scene, *stocks: int, user: str = "creator") -> int:
    with scene.town.signed_in(user) as client:
        draft = client.get("/requests/cart").json()["draft_id"]
        if draft:
            client.delete(f"/requests/{draft}", headers={"If-Match": "*"})
        return scene.town.formed(client, *stocks)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_results_arrive_live_over_each_transport_and_the_log_shows_how(scene: Scene, transport: str) -> None:
    with scene.window("second") as visitor:
        request = form_request(scene, 1, 2, user="second")
        page = visitor.open("/pages/requests")
        page.check(f"#transport-{transport}")
        shown = page.locator(f'[data-request="{request}"] [data-result-of] .trend')
        expect(shown).to_have_count(2)
        expect(page.locator("[data-notice]")).to_contain_text("Kama Turbines: ")
        row = page.locator(f'[data-transport="{transport}"]')
        counts = {name: int(row.locator(f'[data-count="{name}"]').inner_text()) for name in ("out", "in")}
        assert counts["out"] >= 1
        assert counts["in"] >= 1
        log = page.get_by_role("log")
        expect(log.locator("li.in").filter(has_text='"kind": "result"').first).to_be_visible()
        if "polling" in transport:
            # Each answer has its question, but for the one that waits.
            assert counts["out"] - counts["in"] in {0, 1}
            expect(log.locator("li.in [data-part=status]").first).to_have_text("200" if "long" in transport else "304")
        else:
            assert counts["out"] == 1
        # What is seen live is seen: the timeline's last step.
        page.goto(f"{scene.town.url}/pages/requests/{request}/timeline")
        expect(page.get_by_role("rowheader", name="7 seen")).to_have_count(2)
        assert visitor.complaints == []


def test_switching_mid_stream_loses_nothing_and_tells_nothing_twice(scene: Scene) -> None:
    with scene.window("second") as visitor:
        page = visitor.open("/pages/requests")
        page.evaluate(
            """() => {
              window.said = [];
              const notice = document.querySelector("[data-notice]");
              new MutationObserver(() => notice.textContent && window.said.push(...notice.textContent.split(", ")))
                .observe(notice, { childList: true });
            }"""
        )
        request = form_request(scene, 1, 2, 3, 4, 5, 6, user="second")
        # It was formed after the page was drawn.
        expect(page.locator("[data-news]")).to_be_visible()
        page.locator("[data-news] a").click()
        page.wait_for_load_state()
        places = page.locator(f'[data-request="{request}"] [data-result-of]')
        expect(places).to_have_count(6)
        for _ in range(3):
            for transport in TRANSPORTS:
                page.check(f"#transport-{transport}")
                page.wait_for_timeout(100)
        expect(page.locator(f'[data-request="{request}"] .trend')).to_have_count(6)
        told = page.locator("[data-log] li.in code").all_inner_texts()
        for stock in range(1, 7):
            name = f'"stock_id": {stock}, "request_id": {request}'
            heard = sum(text.count(name) for text in told)
            assert heard <= 1, (name, told)
        # The choice outlives the page.
        page.reload()
        expect(page.locator("#transport-websocket")).to_be_checked()
        assert visitor.complaints == []


def test_a_moderator_hears_of_requests_and_decides_as_soon_as_the_results_are_there(scene: Scene) -> None:
    with scene.window("moderator") as visitor:
        page = visitor.open("/pages/requests?state=formed")
        request = form_request(scene, 1, user="second")
        page.locator("[data-news] a").click()
        button = page.get_by_role("button", name=f"Complete {request}", exact=True)
        expect(button).to_be_disabled()
        expect(button).to_be_enabled()
        with scene.window("second") as creator:
            seen = creator.open(f"/pages/requests/{request}")
            button.click()
            expect(page.locator("[data-notice]")).to_have_text("The request is completed.")
            # The creator sees it without doing anything.
            expect(seen.locator("[data-state-of]")).to_have_text("completed")


def test_everything_works_without_scripts(scene: Scene) -> None:
    with scene.window(java_script_enabled=False) as visitor:
        page = visitor.open("/?q=grain")
        page.get_by_role("button", name="Add to draft").click()
        page.get_by_label("Name").fill("second")
        page.get_by_label("Password").fill(APP_USERS["second"])
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Add to draft Altay Grain").click()
        expect(page.locator("[data-notice]")).to_have_text("Added to the draft.")
        page.get_by_role("link", name="Open draft").click()
        page.get_by_role("button", name="Form the request").click()
        expect(page.get_by_text("The request is formed.")).to_be_visible()
        page.wait_for_timeout(3000)
        page.reload()
        expect(page.locator("[data-result-of] .trend")).to_be_visible()
        page.get_by_role("button", name="Русский").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Заявка")


@pytest.mark.parametrize("code", LANGUAGES)
def test_times_are_shown_in_the_visitor_s_zone_and_name_it(scene: Scene, code: str) -> None:
    def shown(**settings: Any) -> tuple[datetime, str]:
        with scene.window("creator", locale=LANGUAGES[code], **settings) as visitor:
            time = visitor.open(f"/pages/requests/{scene.formed}").locator("time[datetime]").first
            assert visitor.complaints == []
            return datetime.fromisoformat(time.get_attribute("datetime") or ""), time.inner_text()

    when, plain = shown(java_script_enabled=False, timezone_id="Asia/Kolkata")
    assert plain == f"{language(code).moment(when)} UTC"
    # A script writes times as the server does.
    assert shown(timezone_id="UTC") == (when, plain)
    there = when + timedelta(hours=5, minutes=30)
    assert shown(timezone_id="Asia/Kolkata") == (when, f"{language(code).moment(there)} GMT+5:30")


def test_a_page_from_the_history_shows_the_cart_as_it_is(scene: Scene) -> None:
    form_request(scene, 1, user="second")
    with scene.window("second") as visitor:
        page = visitor.open("/")
        expect(page.get_by_text("No draft")).to_be_visible()
        page.goto(scene.town.url + "/pages/requests")
        with scene.town.signed_in("second") as client:
            client.post("/stocks/1/draft")
        page.go_back()
        expect(page.get_by_role("link", name="Open draft")).to_be_visible()


def test_who_was_signed_out_elsewhere_is_led_to_the_login_and_back(scene: Scene) -> None:
    with scene.town.signed_in("second") as client, scene.window() as visitor:
        session = client.cookies["__Host-session"]
        visitor.context.add_cookies(
            [{"name": "__Host-session", "value": session, "url": scene.town.url, "secure": True}]
        )
        page = visitor.open("/?q=grain")
        client.post("/logout")
        page.get_by_role("button", name="Add to draft").click()
        page.get_by_label("Name").fill("second")
        page.get_by_label("Password").fill(APP_USERS["second"])
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/?q=grain#stock-3")
