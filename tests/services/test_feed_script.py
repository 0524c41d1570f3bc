"""feed.js in a real Chromium, from a real main."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.services.api import Api
from tests.services.feed_client import TRANSPORTS, FeedClient
from tests.services.processes import eventually
from tests.services.test_feed_transports import change, client_of, written

pytestmark = pytest.mark.thorough

START = """
async ({ transport, cursor }) => {
  const { Feed } = await import("/static/feed.js");
  window.events = [];
  window.resets = [];
  window.wire = [];
  window.feed = new Feed({
    transport,
    cursor,
    onEvents: (events) => window.events.push(...events),
    onReset: (snapshot) => window.resets.push(snapshot.cursor),
    onWire: (said) => window.wire.push(said),
  });
}
"""


@pytest.fixture
def page(api: Api) -> Iterator[tuple[Page, FeedClient]]:
    client = client_of(api)
    program = shutil.which("chromium")
    assert program, "chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        # The tests' CA is not the browser's.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = browser.new_context(ignore_https_errors=True)
        context.add_cookies([{"name": "__Host-session", "value": client.session, "url": api.url, "secure": True}])
        opened = context.new_page()
        opened.goto(api.url)
        yield opened, client
        browser.close()


def heard(page: Page, count: int) -> list[dict[str, Any]]:
    def enough() -> bool:
        # Waiting in the page, for its own clock goes on only then.
        page.wait_for_timeout(50)
        return bool(page.evaluate("window.events.length") >= count)

    try:
        eventually(enough, what=f"event {count}")
    except AssertionError as error:
        raise AssertionError(page.evaluate("window.wire")) from error
    found = page.evaluate("window.events")
    assert isinstance(found, list)
    return found


@pytest.mark.timeout(120)
def test_each_event_is_heard_once_whatever_the_transport_is_switched_to(
    api: Api, page: tuple[Page, FeedClient]
) -> None:
    browser, client = page
    browser.evaluate(START, {"transport": "sse", "cursor": client.cursor})
    count = 0
    for transport in (*TRANSPORTS, *reversed(TRANSPORTS)):
        # One while the transport changes, and one that it alone has to tell.
        change(api)
        browser.evaluate("(transport) => window.feed.use(transport)", transport)
        heard(browser, count + 1)
        change(api)
        count += 2
        heard(browser, count)
    assert heard(browser, count) == written(api, client.cursor)
    assert browser.evaluate("window.resets") == []
    told = browser.evaluate("window.wire.filter((said) => said.direction === 'in').map((said) => said.transport)")
    assert set(told) == set(TRANSPORTS)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_cursor_of_another_epoch_begins_again_with_a_snapshot(
    api: Api, page: tuple[Page, FeedClient], transport: str
) -> None:
    browser, _ = page
    browser.evaluate(START, {"transport": transport, "cursor": f"{'0' * 16}:1"})

    def reset() -> bool:
        browser.wait_for_timeout(50)
        return bool(browser.evaluate("window.resets.length"))

    eventually(reset, what="the reset")
    change(api)
    assert len(heard(browser, 1)) == 1
    browser.evaluate("window.feed.stop()")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_restart_of_main_costs_no_event(api: Api, page: tuple[Page, FeedClient], transport: str) -> None:
    browser, client = page
    browser.evaluate(START, {"transport": transport, "cursor": client.cursor})
    change(api)
    heard(browser, 1)
    api.main.kill()
    change(api, 3)
    api.launcher.start(api.main, api.url)
    assert heard(browser, 4) == written(api, client.cursor)
