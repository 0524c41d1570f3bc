"""A visitor's Chromium in front of the environment: its windows, and what a visitor does in them."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.fleet import Secret, inventory
from tests.web import local_authority

# Milliseconds. The async service waits 5 s before it draws a result.
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
