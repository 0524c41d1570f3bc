"""The pages in a Chromium of a visitor: through the edge, nginx and TLS, under the environment's authority."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, expect

from tests.fleet import secret
from tests.journeys.browser import PATIENCE, chromium, form_request, sign_in, visitor

TRANSPORTS = ("short-polling", "long-polling", "sse", "websocket")


def test_without_the_environment_s_authority_a_browser_refuses(address: str, tmp_path: Path) -> None:
    with chromium(tmp_path) as stranger, pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        stranger.new_page().goto(address)


def test_results_arrive_live_over_each_transport(
    browser: Browser, address: str, state: Path, complaints: list[str]
) -> None:
    """One after the other, in one window: what each does on the wire is shown, and nginx holds none of it back."""
    with visitor(browser, address, complaints) as page:
        sign_in(page, "creator", secret(state, "app_user_creator"))
        for transport in TRANSPORTS:
            form_request(page, "Altay Grain", "Kama Turbines")
            page.locator("[data-wire] summary").click()
            page.check(f"#transport-{transport}")
            expect(page.locator("[data-result-of] .trend")).to_have_count(2, timeout=PATIENCE)
            row = page.locator(f'[data-transport="{transport}"]')
            assert int(row.locator('[data-count="in"]').inner_text()) >= 1
            told = page.get_by_role("log").locator("li.in").filter(has_text='"kind": "result"')
            expect(told.first).to_be_visible()
    assert complaints == []


def test_a_moderator_completes_and_the_creator_sees_it_at_once(
    browser: Browser, address: str, state: Path, complaints: list[str]
) -> None:
    with visitor(browser, address, complaints) as creator, visitor(browser, address, complaints) as moderator:
        sign_in(creator, "creator", secret(state, "app_user_creator"))
        path = form_request(creator, "Ladoga Paper")
        sign_in(moderator, "moderator", secret(state, "app_user_moderator"))
        expect(moderator.get_by_role("table")).to_be_visible()
        moderator.goto(path)
        moderator.get_by_role("button", name="Complete").click()
        expect(moderator.locator("[data-notice]")).to_have_text("The request is completed.")
        expect(creator.locator("[data-state-of]")).to_have_text("completed", timeout=PATIENCE)
        creator.get_by_role("link", name="What happened, step by step").click()
        expect(creator.get_by_role("rowheader", name="7 seen")).to_be_visible(timeout=PATIENCE)
    assert complaints == []


def test_the_language_is_chosen_and_kept(browser: Browser, address: str, complaints: list[str]) -> None:
    with visitor(browser, address, complaints, locale="ru-RU") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Акции")
        page.get_by_role("button", name="English").click()
        page.goto("/pages/register")
        expect(page.get_by_role("heading", level=1)).to_have_text("Register")
    assert complaints == []
