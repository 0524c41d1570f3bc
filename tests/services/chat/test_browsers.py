"""Creator and moderator in two real Chromium windows, one of which loses its network in between."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.services.api import Api
from tests.services.browser import faults_of
from tests.services.chat.client import formed_request, session_of, talking
from tests.services.processes import eventually

pytestmark = pytest.mark.thorough


@dataclass
class Window:
    """One user's browser. faults: what its console called an error and is not of the network."""

    api: Api
    context: BrowserContext
    page: Page
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        def heard(said: ConsoleMessage) -> None:
            # That there is no network is no fault of the page.
            if said.type == "error" and "net::" not in said.text:
                self.faults.append(said.text)

        self.page.on("console", heard)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def open(self, chat: int) -> None:
        self.page.goto(f"{self.api.url}/pages/requests/{chat}")
        self.wait_for("Connected.")

    def reopen(self, chat: int) -> None:
        """Close the page with all that it has in memory, and come again."""
        self.page.close()
        self.page = self.context.new_page()
        self.watch()
        self.open(chat)

    def wait_for(self, status: str) -> None:
        self.page.locator("[data-chat-status]", has_text=status).wait_for()

    def write(self, text: str) -> None:
        self.page.locator("[data-chat-form] textarea").fill(text)
        self.page.locator("[data-chat-form] button").click()

    def message(self, text: str) -> str:
        return f"[data-chat-messages] li:has(.chat-text:text-is('{text}'))"

    def texts(self) -> list[str]:
        return self.page.locator("[data-chat-messages] .chat-text").all_text_contents()

    def sees(self, *texts: str) -> None:
        def found() -> bool:
            self.page.wait_for_timeout(50)
            return self.texts() == list(texts)

        try:
            eventually(found, what=f"{texts}")
        except AssertionError as error:
            raise AssertionError(f"{self.texts()} is shown") from error

    def stored(self) -> int:
        found = self.page.evaluate("Object.keys(localStorage).length")
        assert isinstance(found, int)
        return found


@pytest.fixture
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def windows(api: Api, browser: Browser) -> Iterator[dict[str, Window]]:
    made = {}
    for name in ("creator", "moderator"):
        # The tests' CA is not the browser's.
        context = browser.new_context(ignore_https_errors=True)
        cookie = {"name": "__Host-session", "value": session_of(api, name), "url": api.url, "secure": True}
        context.add_cookies([cookie])  # type: ignore[list-item]
        made[name] = Window(api, context, context.new_page())
        made[name].watch()
    yield made
    for window in made.values():
        assert window.faults == []


@pytest.mark.timeout(180)
def test_two_talk_and_one_goes_offline_in_between(api: Api, windows: dict[str, Window]) -> None:
    chat = formed_request(api)
    creator, moderator = windows["creator"], windows["moderator"]
    creator.open(chat)
    moderator.open(chat)

    creator.write("When <b>will</b> it be done?")
    moderator.sees("When <b>will</b> it be done?")
    creator.page.locator(".chat-read").wait_for()
    assert creator.stored() == 0

    moderator.context.set_offline(True)
    moderator.page.evaluate("window.dispatchEvent(new Event('offline'))")
    creator.write("Are you there?")
    moderator.write("I was away")
    moderator.write("but wrote this")
    moderator.sees("When <b>will</b> it be done?", "I was away", "but wrote this")
    assert moderator.page.locator(".chat-waiting").count() == 2
    assert moderator.stored() == 2
    # Nobody has seen it yet.
    creator.sees("When <b>will</b> it be done?", "Are you there?")
    assert creator.page.locator(".chat-sent").count() == 1

    moderator.context.set_offline(False)
    moderator.reopen(chat)
    everything = ["When <b>will</b> it be done?", "Are you there?", "I was away", "but wrote this"]
    creator.sees(*everything)
    moderator.sees(*everything)
    moderator.page.locator(".chat-waiting").first.wait_for(state="detached")
    assert moderator.stored() == 0

    # An edit and a deletion.
    moderator.page.locator(moderator.message("I was away")).get_by_role("button", name="Edit").click()
    moderator.write("I was out")
    creator.page.locator(creator.message("Are you there?")).get_by_role("button", name="Delete").click()
    everything[1:3] = ["deleted", "I was out"]
    creator.sees(*everything)
    moderator.sees(*everything)
    with api.cluster.connect(api.database, schema="main") as db:
        assert db.execute("SELECT last FROM chat_heads WHERE request_id = %s", [chat]).fetchone() == (6,)


@pytest.mark.timeout(180)
def test_a_restart_of_main_is_made_up_for_in_an_open_page(api: Api, windows: dict[str, Window]) -> None:
    chat = formed_request(api)
    creator, moderator = windows["creator"], windows["moderator"]
    creator.open(chat)
    moderator.open(chat)
    api.main.kill()
    creator.wait_for("Not connected.")
    creator.write("While it was down")
    creator.write("twice")
    api.launcher.start(api.main, api.url)
    moderator.sees("While it was down", "twice")
    creator.sees("While it was down", "twice")


def test_a_page_without_a_script_shows_the_chat_and_takes_messages(api: Api, request: pytest.FixtureRequest) -> None:
    chat = formed_request(api)
    session = session_of(api, "creator")
    with talking(api, chat, session) as creator:
        creator.send("<i>plain</i>")
    # Playwright's event loop and that of the socket do not go together.
    browser: Browser = request.getfixturevalue("browser")
    context = browser.new_context(ignore_https_errors=True, java_script_enabled=False)
    context.add_cookies([{"name": "__Host-session", "value": session, "url": api.url, "secure": True}])
    page = context.new_page()
    page.goto(f"{api.url}/pages/requests/{chat}")
    texts = page.locator("[data-chat-messages] .chat-text")
    assert texts.all_text_contents() == ["<i>plain</i>"]
    # By keyboard alone.
    page.get_by_role("textbox", name="Message").focus()
    page.keyboard.type("And without")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**#message-2")
    assert texts.all_text_contents() == ["<i>plain</i>", "And without"]
    assert page.get_by_text("Your message was sent.").is_visible()
    # The browser itself lets nothing empty go; blanks are refused by the server.
    page.get_by_role("textbox", name="Message").fill("  ")
    page.get_by_role("button", name="Send").click()
    fault = page.get_by_text("1 to 2,000 characters, and not only blanks.")
    fault.wait_for()
    assert page.get_by_role("textbox", name="Message").evaluate("field => field === document.activeElement")


def test_a_script_takes_over_a_form_that_was_refused(api: Api, windows: dict[str, Window]) -> None:
    chat = formed_request(api)
    creator = windows["creator"]
    creator.open(chat)
    creator.page.evaluate("document.querySelector('[data-chat-form]').submit()")
    fault = creator.page.locator("#text-fault")
    fault.wait_for()
    creator.wait_for("Connected.")
    assert faults_of(creator.page) == []
    creator.write("Now it says something")
    creator.sees("Now it says something")
    assert not fault.is_visible()
    assert faults_of(creator.page) == []
    # That the server has refused it.
    assert [said for said in creator.faults if "status of 422" not in said] == []
    creator.faults.clear()
