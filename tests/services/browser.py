"""A real Chromium in front of a real main: what it shows, and what it complains about."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
# WCAG 2.2 A and AA, and what axe calls best practice.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}


@contextmanager
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Window:
    """One visitor's browser. complaints: what its console said, violations of the security policy among it."""

    context: BrowserContext
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        page = self.context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(self.url + path)
        return page

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"}:
            self.complaints.append(said.text)


@contextmanager
def window(browser: Browser, url: str, session: str = "", **settings: Any) -> Iterator[Window]:
    """A window of its own, with a session's cookie. settings: of the browser, such as its language."""
    # The tests' CA is not the browser's.
    context = browser.new_context(ignore_https_errors=True, **{"viewport": DESK, "locale": "en-GB", **settings})
    context.set_default_timeout(15_000)
    if session:
        context.add_cookies([{"name": "__Host-session", "value": session, "url": url, "secure": True}])
    found = Window(context, url)
    yield found
    context.close()


def faults_of(page: Page) -> list[Mapping[str, Any]]:
    """What axe finds wrong with the page as it is now: rule, and the elements that break it."""
    # Given to the debugger and not to the page: the page's own policy lets no foreign script in.
    page.evaluate(AXE)
    found = page.evaluate("(rules) => axe.run(document, rules)", RULES)
    return [
        {"rule": each["id"], "help": each["help"], "at": [node["html"] for node in each["nodes"]]}
        for each in found["violations"]
    ]


def overflow(page: Page) -> int:
    """How many pixels the page is wider than its window."""
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert isinstance(wider, int)
    return wider
