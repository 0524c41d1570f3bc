"""What all pages have in common: the visitor, their language, the navigation, the cart and a notice."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.main.domain.user import Role, User
from services.main.entrypoints.guards import PartsOfApp, Visitor
from services.main.entrypoints.pages import wording
from services.main.entrypoints.pages.language import NAMES, Language, language, read_by
from services.main.entrypoints.pages.wording import N_
from services.main.use_cases.drafting import cart
from services.main.wiring import Parts

LANGUAGE_COOKIE = "__Host-language"
NOTICE_COOKIE = "__Host-notice"

# Path, text, and whose link it is; None stands for guests.
NAVIGATION: Sequence[tuple[str, str, frozenset[Role | None]]] = (
    ("/", N_("Stocks"), frozenset({None, *Role})),
    ("/pages/requests", N_("Requests"), frozenset(Role)),
    ("/pages/statistics", N_("Statistics"), frozenset({Role.MODERATOR})),
)

# A path of this site. Browsers read a backslash as a slash, and pass over line breaks and tabs.
_LOCAL = re.compile(r"/(?:[^/\\\s\x00-\x1f][^\\\s\x00-\x1f]*)?")


@dataclass(frozen=True, slots=True)
class Frame:
    """One call for a page: by whom, and in which language."""

    request: Request
    parts: Parts
    user: User | None
    language: Language

    @property
    def role(self) -> Role | None:
        return self.user.role if self.user else None

    @property
    def here(self) -> str:
        """This page's path with its query, to come back to."""
        url = self.request.url
        return f"{url.path}?{url.query}" if url.query else url.path


async def language_of(request: Request) -> Language:
    """What the visitor has chosen, or else what the browser prefers."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    return language(chosen if chosen in NAMES else read_by(request.headers.get("accept-language", "")))


async def frame_of(
    request: Request, parts: PartsOfApp, user: Visitor, found: Annotated[Language, Depends(language_of)]
) -> Frame:
    return Frame(request, parts, user, found)


Asked = Annotated[Frame, Depends(frame_of)]


async def page(frame: Frame, template: str, status: int = 200, **values: Any) -> Response:
    """A page, with the notice of the deed that led here."""
    notice = wording.NOTICES.get(frame.request.cookies.get(NOTICE_COOKIE, ""))
    draft_id = await cart(frame.parts.work, frame.user)
    response = draw(frame, template, status, notice=notice, draft_id=draft_id, **values)
    if NOTICE_COOKIE in frame.request.cookies:
        response.delete_cookie(NOTICE_COOKIE, secure=True, httponly=True, samesite="lax")
    return response


def draw(frame: Frame, template: str, status: int, **values: Any) -> Response:
    """A page from nothing but its values. notice: a key of the messages, or None. draft_id: None for an empty cart."""
    common = {
        "environment": frame.parts.environment,
        "here": frame.here,
        "is_post": frame.request.method == "POST",
        "languages": NAMES,
        "navigation": [(path, text) for path, text, roles in NAVIGATION if frame.role in roles],
        "role": frame.role,
        "user": frame.user,
    }
    text = _templates(frame.language).get_template(template).render(common | values)
    headers = {"Content-Language": frame.language.code, "Vary": "Accept-Language, Cookie"}
    return HTMLResponse(text, status, headers)


def see(path: str, notice: str = "") -> Response:
    """303 to another page. notice: what it is to tell, a key of NOTICES."""
    response = RedirectResponse(path, 303)
    if notice:
        assert notice in wording.NOTICES
        response.set_cookie(NOTICE_COOKIE, notice, max_age=60, secure=True, httponly=True, samesite="lax")
    return response


def to_login(back: str) -> Response:
    """303 to where one signs in, and comes back from."""
    return see(f"/pages/login?{urlencode({'next': back})}")


def local(path: str | None, otherwise: str = "/") -> str:
    """A path that somebody sent, if it leads nowhere but to this site."""
    return path if path and _LOCAL.fullmatch(path) else otherwise


@cache
def _templates(language: Language) -> Environment:
    found = Environment(
        loader=PackageLoader("services.main"),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.install_gettext_translations(language.messages, newstyle=True)  # type: ignore[attr-defined]
    found.globals["language"] = language
    found.globals["wording"] = wording
    for name in ("number", "amount", "money", "seconds", "moment", "day"):
        found.filters[name] = getattr(language, name)
    return found
