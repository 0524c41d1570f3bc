"""Pages as somebody without scripts sees them: text, links, and forms to fill in and send."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

VOID = {"input", "img", "link", "meta", "br"}


@dataclass
class Form:
    """values: what the browser would send. buttons: text to (name, value, where it sends to)."""

    id: str
    method: str
    action: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str, str]] = field(default_factory=dict)


@dataclass
class Page:
    status: int
    language: str = ""
    title: str = ""
    text: str = ""
    links: dict[str, str] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    marks: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def form(self, button: str) -> Form:
        """The one form that has a button of this text."""
        (found,) = [form for form in self.forms if button in form.buttons]
        return found

    def described(self, name: str) -> str:
        """The ids that tell more of a field."""
        return next(each.get("aria-describedby", "") for _, each in self.marks if each.get("name") == name)


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.open: list[tuple[str, dict[str, str], list[str]]] = []
        self.owned: list[tuple[str, tuple[str, str, str]]] = []
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.page.marks.append((tag, found))
        if "id" in found:
            self.page.ids.append(found["id"])
        if tag == "html":
            self.page.language = found["lang"]
        if tag == "form":
            self.page.forms.append(Form(found.get("id", ""), found.get("method", "get"), found.get("action", "")))
        if tag == "select":
            self.select = found["name"]
            self.page.forms[-1].values[self.select] = ""
        if tag == "option" and "selected" in found:
            self.page.forms[-1].values[self.select] = found["value"]
        if tag == "input" and "name" in found and found.get("type") not in {"checkbox", "radio"}:
            self.page.forms[-1].values[found["name"]] = found["value"]
        if tag == "input" and "checked" in found:
            self.page.forms[-1].values[found["name"]] = found["value"]
        if tag not in VOID:
            self.open.append((tag, found, []))

    def handle_data(self, data: str) -> None:
        for _, __, text in self.open:
            text.append(data)

    def handle_endtag(self, tag: str) -> None:
        opened, found, parts = self.open.pop()
        assert opened == tag, f"<{opened}> is closed by </{tag}>"
        text = " ".join("".join(parts).split())
        if tag == "title":
            self.page.title = text
        if tag == "a":
            self.page.links[text] = found.get("href", "")
        if tag == "textarea":
            self.page.forms[-1].values[found["name"]] = "".join(parts).removeprefix("\n")
        if tag == "html":
            self.page.text = text
        if tag == "button":
            button = (found.get("name", ""), found.get("value", ""), found.get("formaction", ""))
            if "form" in found:
                self.owned.append((found["form"], button))
                self.page.forms[-1].buttons.pop(text, None)
                self.page.marks.append((f"button of {found['form']}", {"text": text}))
            else:
                self.page.forms[-1].buttons[text] = button


def read(answer: httpx.Response) -> Page:
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8", answer.text
    page = Page(answer.status_code)
    reader = _Reader(page)
    reader.feed(answer.text)
    assert not reader.open
    return page


def send(client: httpx.Client, page: Page, button: str, **typed: str) -> httpx.Response:
    """Fill the form of a button in and press it. The answer itself, whether or not it leads elsewhere."""
    form = page.form(button)
    name, value, action = form.buttons[button]
    values = {**form.values, **{key.replace("_of_", "-"): text for key, text in typed.items()}}
    if name:
        values[name] = value
    if form.method == "get":
        return client.get(form.action, params=values)
    return client.post(action or form.action, data=values)


def follow(client: httpx.Client, answer: httpx.Response) -> Page:
    """The page that a form's answer leads to."""
    assert answer.status_code == 303, answer.text
    return read(client.get(answer.headers["Location"]))
