"""What nginx answers when it refuses by itself, or the application does not answer.

Programs get problem details (RFC 9457) of the very shape that the services give; who asks for ``text/html`` gets a page
in the site's look and in their language. The page needs nothing else from the site, which may be away. What the
application answers is passed on as it is, its errors too.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from network.nginx import Directive, block, directive

LANGUAGES = ("en", "ru")
# Seconds after which asking again may do: a limit counts by the second, a restart of the application takes two.
_RETRY_AFTER = {429: 1, 502: 2, 503: 2, 504: 5}
# nginx's own numbers for headers that are too large, and for plain HTTP on a port of TLS; as what they are shown.
_SHOWN_AS = {494: 431, 497: 400}
# A named location keeps the method and the body's size in the log. A request whose very first line is unreadable has
# no path, and nginx would answer 500 to it there: those get a page with a path.
_UNREADABLE = frozenset({400, 414, 431, 505})
_UNREADABLE_PATH = "/-/unreadable"


@dataclass(frozen=True)
class _Words:
    """Title and text of a page, in one language."""

    title: str
    text: str


@dataclass(frozen=True)
class _Error:
    """A status that nginx answers by itself, in the words of each language.

    `again`: the page offers to try again, not to go to the start.
    """

    words: Mapping[str, _Words]
    again: bool = False


def _error(english: tuple[str, str], russian: tuple[str, str], *, again: bool = False) -> _Error:
    return _Error(dict(zip(LANGUAGES, (_Words(*english), _Words(*russian)), strict=True)), again)


_UNREAD = _error(
    ("Not understood", "What was sent cannot be read."), ("Непонятно", "Не удалось прочесть отправленное.")
)
_WRONG_WAY = _error(
    ("Not understood", "This address is not to be called that way."),
    ("Непонятно", "К этому адресу так не обращаются."),
)
_AWAY = _error(
    ("Back in a moment", "The service does not answer just now. Try again in a moment."),
    ("Скоро вернёмся", "Служба сейчас не отвечает. Попробуйте снова чуть позже."),
    again=True,
)
_OURS = _error(
    ("Something went wrong", "The error is ours, and it is in the log."),
    ("Что-то пошло не так", "Ошибка наша, она записана в журнал."),
)
ERRORS: Mapping[int, _Error] = {
    400: _UNREAD,
    403: _error(("Not allowed", "This is not for you to do."), ("Нельзя", "Это вам недоступно.")),
    404: _error(
        ("Not found", "There is nothing here, or nothing that you may see."),
        ("Не найдено", "Здесь ничего нет, или вам это не видно."),
    ),
    405: _WRONG_WAY,
    408: _error(
        ("Too slow", "What was sent did not arrive in time. Try again."),
        ("Слишком медленно", "Отправленное не дошло вовремя. Попробуйте снова."),
        again=True,
    ),
    411: _UNREAD,
    413: _error(
        ("Too large", "More was sent than is taken here."), ("Слишком много", "Отправлено больше, чем здесь принимают.")
    ),
    414: _error(("Too large", "The address is too long."), ("Слишком много", "Адрес слишком длинный.")),
    415: _UNREAD,
    429: _error(
        ("Too many requests", "More came from your network than one may ask. Wait a moment, then try again."),
        ("Слишком много запросов", "Из вашей сети пришло больше, чем можно. Подождите немного и попробуйте снова."),
        again=True,
    ),
    431: _error(
        ("Too large", "The headers are too large. Delete the cookies of this site, then try again."),
        ("Слишком много", "Заголовки слишком велики. Удалите файлы cookie этого сайта и попробуйте снова."),
        again=True,
    ),
    500: _OURS,
    501: _WRONG_WAY,
    502: _AWAY,
    503: _AWAY,
    504: _AWAY,
    505: _WRONG_WAY,
}
_AGAIN = {"en": "Try again", "ru": "Попробовать снова"}
_START = {"en": "To the stocks", "ru": "К акциям"}
_ID_WORD = {"en": "Request id", "ru": "Номер запроса"}

# nginx takes 4 KiB of one argument at most, and `render` no line breaks.
_LINES = Path(__file__).with_name("error_page.html").read_text(encoding="utf-8").splitlines()
PAGE = "".join(line.strip() for line in _LINES)
# Phrases that Python's releases do not agree about.
_PHRASES = {413: "Content Too Large", 414: "URI Too Long"}
_PROBLEM = (
    '{"type":"about:blank","title":"$problem_title","status":$status,"detail":"$problem_detail",'
    '"request_id":"$request_id"}'
)


def error_maps(methods: Mapping[int, str]) -> list[Directive]:
    """Return the tables that `errors` needs, for the block ``http``. methods: what each port takes, for ``Allow``."""
    details = {str(code): error.words[LANGUAGES[0]].text for code, error in ERRORS.items()}
    return [
        # What the visitor has chosen on the site, or else what the browser names first.
        block(
            "map",
            ("$http_cookie", "$chosen_language"),
            directive("default", ""),
            *(directive(f"~(^|; *)__Host-language={code}(;|$)", code) for code in LANGUAGES),
        ),
        block(
            "map",
            ("$chosen_language $http_accept_language", "$page_language"),
            directive("default", LANGUAGES[0]),
            directive("~^en ", "en"),
            directive("~^ru ", "ru"),
            directive("~*^ ((?! *en)[^,]*,)* *ru(-|;|,|$)", "ru"),
        ),
        _accepting("$error_answer", "@problem", "@page"),
        _accepting("$unreadable_answer", _UNREADABLE_PATH, f"{_UNREADABLE_PATH}/page"),
        _table("$status", "$problem_title", {str(code): _phrase(code) for code in (401, *ERRORS)}),
        _table("$status", "$problem_detail", {"401": "A valid token is needed.", **details}),
        _table("$status", "$retry_after", {str(code): str(seconds) for code, seconds in _RETRY_AFTER.items()}),
        # RFC 9110: a 405 names the methods (15.5.6), a 401 how to show who one is (11.6.1).
        _table("$server_port $status", "$allow", {f"{port} 405": taken for port, taken in methods.items()}),
        _table("$status", "$challenge", {"401": "Bearer"}),
        _table("$page_language", "$page_id_word", _ID_WORD),
        _table("$status", "$problem", {}, otherwise=_PROBLEM),
        _pages("$page_title", lambda words: words.title),
        _pages("$page_text", lambda words: words.text),
        _ways(),
        _table("$status", "$page", {}, otherwise=PAGE),
    ]


def errors(headers: Sequence[Directive], *, pages: bool) -> list[Directive]:
    """Return a server's answers to all that goes wrong. headers: what every answer of it carries.

    The status is kept: in an error page, nginx ignores the one returned here.
    """
    headers = [
        *headers,
        *(
            directive("add_header", name, value, "always")
            for name, value in (
                ("Cache-Control", "no-store"),
                ("X-Request-ID", "$request_id"),
                ("Retry-After", "$retry_after"),
                ("Allow", "$allow"),
                ("WWW-Authenticate", "$challenge"),
            )
        ),
    ]
    problem = [
        directive("default_type", "application/problem+json"),
        *headers,
        directive("add_header", "Content-Security-Policy", _policy(), "always"),
        directive("return", 200, "$problem"),
    ]
    page = [
        directive("default_type", "text/html"),
        directive("charset", "utf-8"),
        *headers,
        directive("add_header", "Content-Language", "$page_language", "always"),
        directive("add_header", "Content-Security-Policy", _policy(_style(PAGE)), "always"),
        directive("return", 200, "$page"),
    ]
    # Only a guarded door asks for a token, and only programs come to it.
    codes = ERRORS if pages else (401, *ERRORS)
    readable = [str(code) for code in codes if code not in _UNREADABLE]
    unreadable = [str(code) for code in codes if code in _UNREADABLE]
    at, unreadable_at = ("$error_answer", "$unreadable_answer") if pages else ("@problem", _UNREADABLE_PATH)
    return [
        directive("error_page", *readable, at),
        directive("error_page", *unreadable, unreadable_at),
        *(directive("error_page", code, f"={shown}", unreadable_at) for code, shown in _SHOWN_AS.items()),
        block("location", ("@problem",), *problem),
        block("location", ("=", _UNREADABLE_PATH), directive("internal"), *problem),
        *(
            (
                block("location", ("@page",), *page),
                block("location", ("=", f"{_UNREADABLE_PATH}/page"), directive("internal"), *page),
            )
            if pages
            else ()
        ),
    ]


def silence() -> Directive:
    """Return how a server that answers nobody treats what nginx would refuse before it looks at the server."""
    return directive("error_page", *(sorted({*_UNREADABLE, *_SHOWN_AS} - {431})), _UNREADABLE_PATH)


def _accepting(variable: str, otherwise: str, page: str) -> Directive:
    return block(
        "map",
        ("$http_accept", variable),
        directive("default", otherwise),
        directive("~*(^|,) *text/html *(;|,|$)", page),
    )


def _table(key: str, variable: str, values: Mapping[str, str], otherwise: str = "") -> Directive:
    rows = (directive(found, value) for found, value in values.items())
    return block("map", (key, variable), directive("default", otherwise), *rows)


def _phrase(code: int) -> str:
    return _PHRASES.get(code) or HTTPStatus(code).phrase


def _pages(variable: str, part: Callable[[_Words], str]) -> Directive:
    """Return the table of a part of the page, by language and status."""
    values = {f"{code}{status}": part(error.words[code]) for code in LANGUAGES for status, error in ERRORS.items()}
    return _table("$page_language$status", variable, values)


def _ways() -> Directive:
    """Return the table of the page's link. An empty address is that of the page itself."""
    again = "|".join(str(code) for code, error in ERRORS.items() if error.again)
    ways: dict[str, str] = {}
    for code in LANGUAGES:
        ways[f"~^{code}({again})$"] = f'<a class="button" href="">{_AGAIN[code]}</a>'
        ways[f"~^{code}"] = f'<a class="button" href="/">{_START[code]}</a>'
    return _table("$page_language$status", "$page_way", ways)


def _style(page: str) -> str:
    """Return how a policy names the page's one style: by its digest."""
    style = page.partition("<style>")[2].partition("</style>")[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"


def _policy(style: str = "") -> str:
    rules = ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
    return "; ".join([*rules, f"style-src {style}"] if style else rules)
