"""The pages in a Chromium of a visitor: through the edge, nginx and TLS, under the environment's authority."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tests.fleet import Secret, inventory, secret
from tests.web import local_authority

TRANSPORTS = ("short-polling", "long-polling", "sse", "websocket")
# The async service waits 5 s before it draws a result.
PATIENCE = 20_000


@contextmanager
def chromium(home: Path) -> Iterator[Browser]:
    """Run a browser whose user has this home, and with it the authorities that it trusts."""
    program = shutil.which("chromium")
    assert program, "chromium is missing: apt-get install chromium"
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=arguments, env={**os.environ, "HOME": str(home)}
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address() -> str:
    """Return where the control node publishes the front."""
    settings = yaml.safe_load((inventory() / "group_vars/all/lab.yml").read_text(encoding="utf-8"))
    port = settings["lab_publish"]["https"]["listen"].rpartition(":")[2]
    return f"https://localhost:{port}"


@pytest.fixture(scope="module")
def browser(state: Path, alone: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:  # noqa: ARG001
    """Return a browser that trusts the environment's authority, as a visitor who was given it."""
    home = tmp_path_factory.mktemp("home")
    database = home / ".pki/nssdb"
    database.mkdir(parents=True)
    for command in (
        ["-N", "--empty-password"],
        ["-A", "-n", "sallyport", "-t", "C,,", "-i", local_authority(state)],
    ):
        subprocess.run(["certutil", "-d", f"sql:{database}", *command], check=True, capture_output=True)
    with chromium(home) as found:
        yield found


@pytest.fixture
def complaints() -> list[str]:
    """Return what the browser's console says: broken security policy, failed scripts, refused resources."""
    return []


@contextmanager
def visitor(browser: Browser, address: str, complaints: list[str], **settings: str) -> Iterator[Page]:
    """Open a window of a new visitor."""
    context = browser.new_context(locale=settings.get("locale", "en-GB"), base_url=address)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    yield page
    context.close()


def sign_in(page: Page, name: str, password: Secret) -> None:
    """Fill the form in and send it."""
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password.text)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def form_request(page: Page, *companies: str) -> str:
    """Fill a draft from the cards and form it; return the request's path."""
    page.goto("/")
    if page.get_by_role("link", name="Open draft").is_visible():
        page.get_by_role("link", name="Open draft").click()
        page.get_by_role("link", name="Delete the draft").click()
        page.get_by_role("button", name="Delete").click()
    for company in companies:
        page.get_by_role("button", name=f"Add to draft {company}").click()
        expect(page.locator("[data-notice]")).to_have_text("Added to the draft.")
    page.get_by_role("link", name="Open draft").click()
    page.get_by_role("button", name="Form the request").click()
    # The draft had the same address.
    expect(page.get_by_role("heading", level=1)).to_contain_text("Request")
    return re.sub(r"^https://[^/]+", "", page.url)


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
