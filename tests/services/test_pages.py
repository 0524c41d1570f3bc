"""The pages without scripts: every deed is a form, every refusal a page, in both languages."""

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from services.main.entrypoints import pages
from services.main.entrypoints.pages.frame import local
from tests.services.api import Api, refused
from tests.services.cluster import APP_USERS, Cluster
from tests.services.forms import Page, follow, read, send
from tests.services.ports import free_port
from tests.services.processes import Launcher, eventually

PASSWORD = "correct horse battery"  # noqa: S105 - of users that live for a minute
EVIL = """<b onclick='x'>"&amp;</b><script>alert(1)</script>"""


@pytest.fixture
def guest(api: Api) -> Iterator[httpx.Client]:
    with api.guest() as client:
        client.headers["Accept-Language"] = "en"
        yield client


@pytest.fixture
def creator(api: Api) -> Iterator[httpx.Client]:
    with api.signed_in() as client:
        yield client


@pytest.fixture
def moderator(api: Api) -> Iterator[httpx.Client]:
    with api.signed_in("moderator") as client:
        yield client


@pytest.fixture(autouse=True)
def as_before(api: Api) -> Iterator[None]:
    yield
    with api.cluster.connect(api.database, schema="main") as connection:
        connection.execute("DELETE FROM allowances")
        connection.execute("UPDATE stocks SET status = 'deleted' WHERE id > 6")


def get(client: httpx.Client, path: str, status: int = 200) -> Page:
    page = read(client.get(path))
    assert page.status == status
    return page


def offer(moderator: httpx.Client, **changes: object) -> int:
    body = {"company": f"C {uuid4().hex}", "price": "10.50", "is_growing": True, "picture": "altay-grain.svg"}
    return int(moderator.post("/stocks", json=body | changes).json()["id"])


def new_draft(creator: httpx.Client) -> int:
    """A draft with one of stock 1, whatever the test before left behind."""
    if old := creator.get("/requests/cart").json()["draft_id"]:
        assert creator.delete(f"/requests/{old}", headers={"If-Match": "*"}).status_code == 204
    return int(creator.post("/stocks/1/draft").json()["draft_id"])


def formed(api: Api, creator: httpx.Client, *, results: bool = True) -> int:
    draft = new_draft(creator)
    assert creator.put(f"/requests/{draft}/form").status_code == 202
    if results:
        with api.cluster.connect(api.database) as connection:
            query = "UPDATE main.request_items SET result = 'growing', result_at = now() WHERE request_id = %s"
            connection.execute(query, [draft])
    return draft


# Accounts


def test_who_registers_is_signed_in_and_signs_out_again(guest: httpx.Client) -> None:
    name = f"vera{uuid4().hex[:8]}"
    page = get(guest, "/pages/register?next=/pages/requests")
    page = follow(guest, send(guest, page, "Register", name=name, password=PASSWORD))
    assert "Welcome!" in page.text
    assert page.title.startswith("Requests")
    assert name in page.text
    page = follow(guest, send(guest, page, "Sign out"))
    assert "You have signed out." in page.text
    assert "Sign in" in page.links
    # A notice is told once.
    assert "You have signed out." not in get(guest, "/").text
    page = follow(guest, send(guest, get(guest, "/pages/login"), "Sign in", name=name, password=PASSWORD))
    assert name in page.text


def test_what_is_wrong_is_told_at_its_field_and_the_rest_is_kept(guest: httpx.Client) -> None:
    page = get(guest, "/pages/register")
    page = read(send(guest, page, "Register", name="a", email="vera@example.org", password="short"))  # noqa: S106
    assert page.status == 422
    assert page.form("Register").values["name"] == "a"
    assert page.form("Register").values["email"] == "vera@example.org"
    assert page.form("Register").values["password"] == ""
    assert page.described("name") == "name-fault"
    assert page.described("email") == "email-hint"
    assert {"name-fault", "password-fault"} <= set(page.ids)
    page = read(send(guest, page, "Register", name="creator", password=PASSWORD))
    assert (page.status, page.described("name")) == (409, "name-fault")
    assert "This name is taken" in page.text
    page = read(send(guest, page, "Register", name="vera-petrova", password="vera-petrova-1"))  # noqa: S106
    assert (page.status, page.described("password")) == (422, "password-fault")


def test_a_wrong_password_says_no_more_than_that(guest: httpx.Client) -> None:
    page = get(guest, "/pages/login")
    for name, password in (("creator", "wrong"), ("nobody", "wrong"), ("", ""), ("\x00", "wrong")):
        page = read(send(guest, page, "Sign in", name=name, password=password))
        assert page.status in {401, 422}
        assert "Name or password are wrong." in page.text
        assert page.form("Sign in").values["name"] == name
        assert page.described("password") == "refused"


def test_guessing_is_slowed_down(api: Api, guest: httpx.Client) -> None:
    with api.cluster.connect(api.database, schema="main") as connection:
        connection.execute("DELETE FROM allowances")
    page = get(guest, "/pages/login")
    for _ in range(20):
        page = read(send(guest, page, "Sign in", name="second", password="wrong"))  # noqa: S106
        assert page.status == 401
    page = read(send(guest, page, "Sign in", name="second", password=APP_USERS["second"]))
    assert page.status == 429
    assert "The next one is possible in" in page.text


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/a\r\nSet-Cookie: x=y",
        "evil",
        "",
        None,
    ],
)
def test_one_comes_back_to_this_site_only(path: str | None) -> None:
    assert local(path) == "/"


@pytest.mark.parametrize("path", ["/", "/pages/requests?state=formed&before=7", "/?q=%2F%2Fevil#stock-1"])
def test_one_comes_back_to_where_one_was(path: str) -> None:
    assert local(path) == path


def test_a_login_does_not_lead_elsewhere(guest: httpx.Client) -> None:
    page = get(guest, "/pages/login?next=//evil.example/")
    assert page.form("Sign in").values["next"] == "/"
    form = {"name": "creator", "password": APP_USERS["creator"], "next": "https://evil.example/"}
    assert guest.post("/pages/login", data=form).headers["Location"] == "/"


# Stocks, the cart and the draft


def test_a_guest_signs_in_on_the_way_to_a_draft(guest: httpx.Client) -> None:
    page = get(guest, "/?q=grain")
    answer = send(guest, page, "Add to draft Altay Grain")
    assert answer.headers["Location"] == "/pages/login?next=%2F%3Fq%3Dgrain%23stock-3"
    page = follow(guest, answer)
    answer = send(guest, page, "Sign in", name="second", password=APP_USERS["second"])
    assert answer.headers["Location"] == "/?q=grain#stock-3"
    page = follow(guest, answer)
    answer = send(guest, page, "Add to draft Altay Grain")
    assert answer.headers["Location"] == "/?q=grain#stock-3"
    page = follow(guest, answer)
    assert "Added to the draft." in page.text
    draft = guest.get("/requests/cart").json()["draft_id"]
    assert page.links["Open draft"] == f"/pages/requests/{draft}"
    page = follow(guest, send(guest, get(guest, f"/pages/requests/{draft}/delete"), "Delete"))
    assert "The draft was deleted." in page.text
    assert guest.get("/requests/cart").json() == {"draft_id": None}


def cart_of(page: Page) -> list[tuple[str, bool]]:
    """What the widget holds: each part's class, and whether it is shown."""
    return [
        (mark["class"], "hidden" not in mark)
        for _, mark in page.marks
        if mark.get("class") in {"cart-filled", "cart-empty"}
    ]


def test_the_cart_is_filled_or_empty_and_never_counts(guest: httpx.Client, creator: httpx.Client) -> None:
    empty, filled = [("cart-filled", False), ("cart-empty", True)], [("cart-filled", True), ("cart-empty", False)]
    assert cart_of(get(guest, "/")) == empty
    draft = new_draft(creator)
    one = get(creator, "/pages/requests")
    for stock in (2, 2, 3):
        creator.post(f"/stocks/{stock}/draft")
    many = get(creator, "/pages/requests")
    assert cart_of(one) == cart_of(many) == filled
    # Not in the widget, and not anywhere else on the page.
    assert one.text == many.text
    assert one.marks == many.marks
    creator.delete(f"/requests/{draft}", headers={"If-Match": "*"})
    assert cart_of(get(creator, "/")) == empty


def test_moderators_have_no_cart(moderator: httpx.Client) -> None:
    assert cart_of(get(moderator, "/")) == []


def test_a_draft_is_edited_and_formed(creator: httpx.Client) -> None:
    draft = new_draft(creator)
    creator.post("/stocks/2/draft")
    path = f"/pages/requests/{draft}"
    page = follow(creator, send(creator, get(creator, path), "Save quantities", quantity_of_1="7", quantity_of_2="2"))
    assert "Saved." in page.text
    assert page.form("Save quantities").values["quantity-1"] == "7"
    (tag,) = {form.values["tag"] for form in page.forms if "tag" in form.values}
    page = follow(creator, creator.post(f"{path}/items/2/remove", data={"tag": tag}))
    assert "Taken out of the draft." in page.text
    # Once more, as an impatient finger would.
    assert creator.post(f"{path}/items/2/remove", data={"tag": tag}).headers["Location"] == path
    page = follow(creator, send(creator, get(creator, path), "Form the request", quantity_of_1="9"))
    assert "The request is formed." in page.text
    assert "waiting…" in page.text
    request = creator.get(f"/requests/{draft}").json()
    assert [(item["stock_id"], item["quantity"]) for item in request["items"]] == [(1, 9)]
    assert request["state"] == "formed"


@pytest.mark.parametrize("typed", ["0", "-1", "1.5", "1e3", "1000001", "", "x", EVIL, "١", "9" * 200])
@pytest.mark.parametrize("button", ["Save quantities", "Form the request"])
def test_a_wrong_quantity_stays_in_its_field(creator: httpx.Client, typed: str, button: str) -> None:
    draft = new_draft(creator)
    before = creator.get(f"/requests/{draft}").json()
    page = read(send(creator, get(creator, f"/pages/requests/{draft}"), button, quantity_of_1=typed))
    assert page.status == 422
    assert page.form(button).values["quantity-1"] == typed
    assert page.described("quantity-1") == "quantity-1-fault"
    assert creator.get(f"/requests/{draft}").json() == before


def test_an_edit_that_another_window_overtook_is_refused_and_kept(creator: httpx.Client) -> None:
    draft = new_draft(creator)
    old = get(creator, f"/pages/requests/{draft}")
    creator.post("/stocks/3/draft")
    page = read(send(creator, old, "Form the request", quantity_of_1="5"))
    assert page.status == 412
    assert "It was changed meanwhile." in page.text
    assert page.form("Save quantities").values["quantity-1"] == "5"
    assert "Altay Grain" in page.text
    assert creator.get(f"/requests/{draft}").json()["state"] == "draft"
    page = follow(creator, send(creator, page, "Form the request"))
    assert "The request is formed." in page.text


def test_a_refused_form_changes_nothing(creator: httpx.Client, moderator: httpx.Client) -> None:
    """Saving quantities and forming are one transaction: the first is undone with the second."""
    draft = new_draft(creator)
    stock = offer(moderator, company=f"Gone {uuid4().hex}")
    creator.post(f"/stocks/{stock}/draft")
    moderator.delete(f"/stocks/{stock}", headers={"If-Match": "*"})
    page = get(creator, f"/pages/requests/{draft}")
    page = read(send(creator, page, "Form the request", quantity_of_1="5"))
    assert page.status == 409
    assert "is no longer offered; take it out" in page.text
    assert creator.get(f"/requests/{draft}").json()["items"][-1]["quantity"] == 1


def test_empty_places_are_said_kindly(guest: httpx.Client, moderator: httpx.Client) -> None:
    name = f"vera{uuid4().hex[:8]}"
    page = follow(guest, send(guest, get(guest, "/pages/register"), "Register", name=name, password=PASSWORD))
    assert "No requests yet" in get(guest, "/pages/requests").text
    assert "Nothing found" in get(guest, "/?q=nothing+is+called+so").text
    assert "Nothing found" in get(moderator, "/pages/requests?creator=nobody").text
    draft = guest.post("/stocks/1/draft").json()["draft_id"]
    page = get(guest, f"/pages/requests/{draft}")
    tag = page.form("Save quantities").values["tag"]
    page = follow(guest, guest.post(f"/pages/requests/{draft}/items/1/remove", data={"tag": tag}))
    assert "The draft is empty" in page.text
    page = read(guest.post(f"/pages/requests/{draft}/form", data={"tag": page.forms[-1].values.get("tag", "")}))
    assert page.status == 409
    assert "add one first" in page.text


def test_stocks_are_searched_and_come_in_pages(guest: httpx.Client, moderator: httpx.Client) -> None:
    mark = uuid4().hex
    ids = {offer(moderator, company=f"{mark} {number:02}") for number in range(30)}
    page = get(guest, f"/?q={mark}&is_growing=&min_price=&max_price=&utm_source=a+newsletter")
    assert page.form("Search").values["q"] == mark
    seen = [mark["id"] for tag, mark in page.marks if mark.get("id", "").startswith("stock-")]
    page = get(guest, page.links["Next page →"])
    assert page.form("Search").values["q"] == mark
    seen += [mark["id"] for tag, mark in page.marks if mark.get("id", "").startswith("stock-")]
    assert sorted(seen) == sorted(f"stock-{number}" for number in ids)
    assert "Next page →" not in page.links
    assert page.links["← To the beginning"].startswith("/?q=")
    page = get(guest, "/?min_price=cheap", 422)
    assert page.described("min_price") == "min_price-fault"
    assert page.form("Search").values["min_price"] == "cheap"
    assert "Altay Grain" in get(guest, "/?min_price=96,1&max_price=96.2").text
    assert "This is not understood." in get(guest, "/?is_growing=perhaps", 422).text
    page = get(guest, "/?after=here", 422)
    assert "This is not understood." in page.text
    assert "Please look" not in page.text


# The moderator


def test_stocks_are_a_table_that_a_moderator_edits(guest: httpx.Client, moderator: httpx.Client) -> None:
    assert "Add a stock" not in get(guest, "/").links
    page = get(moderator, "/")
    assert "table" in {tag for tag, _ in page.marks}
    page = get(moderator, page.links["Add a stock"])
    company = f"Onega {uuid4().hex}"
    filled = {"company": company, "price": "1 512,75", "description": "Tugs.\nAnd more.", "picture": "altay-grain.svg"}
    page = follow(moderator, send(moderator, page, "Save", **filled))
    assert "The stock was added." in page.text
    edit = page.links[f"Edit {company}"]
    page = get(moderator, edit)
    assert page.form("Save").values["price"] == "1512.75"
    assert page.form("Save").values["description"] == "Tugs.\nAnd more."
    page = follow(moderator, send(moderator, page, "Save", price="99"))
    stock = moderator.get(edit.removeprefix("/pages").removesuffix("/edit")).json()
    assert (stock["price"], stock["is_growing"], stock["version"]) == ("99.00", True, 2)
    page = get(moderator, page.links[f"Delete {company}"])
    page = follow(moderator, send(moderator, page, "Delete"))
    assert "The stock was deleted." in page.text
    assert f"Edit {company}" not in page.links


def test_a_conflicting_edit_shows_both_and_loses_neither(moderator: httpx.Client) -> None:
    company = f"Onega {uuid4().hex}"
    stock = offer(moderator, company=company, description="As it was.")
    path = f"/pages/stocks/{stock}/edit"
    mine, theirs = get(moderator, path), get(moderator, path)
    follow(moderator, send(moderator, theirs, "Save", description="What another wrote."))
    page = read(send(moderator, mine, "Save", description="What I typed.", price="77.00"))
    assert page.status == 412
    assert "What another wrote." in page.text
    assert page.form("Save").values["description"] == "What I typed."
    assert moderator.get(f"/stocks/{stock}").json()["description"] == "What another wrote."
    # Knowing both, the moderator decides.
    follow(moderator, send(moderator, page, "Save"))
    assert moderator.get(f"/stocks/{stock}").json()["description"] == "What I typed."
    # Nor is something deleted that has changed since it was looked at.
    old = get(moderator, f"/pages/stocks/{stock}/delete")
    follow(moderator, send(moderator, get(moderator, path), "Save", price="78.00"))
    page = read(send(moderator, old, "Delete"))
    assert page.status == 412
    assert "₽78.00" in page.text


def test_the_longest_description_fits_into_a_form(moderator: httpx.Client) -> None:
    longest = "🚢" * 2000
    stock = offer(moderator)
    follow(moderator, send(moderator, get(moderator, f"/pages/stocks/{stock}/edit"), "Save", description=longest))
    assert moderator.get(f"/stocks/{stock}").json()["description"] == longest


def test_a_stock_that_breaks_a_rule_is_told_at_its_field(moderator: httpx.Client) -> None:
    page = get(moderator, "/pages/stocks/new")
    page = read(send(moderator, page, "Save", company=" blank", price="cheap", picture="../../etc/passwd"))
    assert page.status == 422
    assert {"company-fault", "price-fault"} <= set(page.ids)
    page = read(send(moderator, page, "Save", company="Altay Grain", price="1", picture="../app.js"))
    assert (page.status, "picture-fault" in page.ids) == (422, True)
    page = read(send(moderator, page, "Save", company="Altay Grain", price="1", picture="altay-grain.svg"))
    assert (page.status, page.described("company")) == (409, "company-fault")


def test_a_moderator_decides(api: Api, creator: httpx.Client, moderator: httpx.Client) -> None:
    waiting, ready = formed(api, creator, results=False), formed(api, creator)
    page = get(moderator, f"/pages/requests/{waiting}")
    disabled = [mark for tag, mark in page.marks if tag == "button" and "disabled" in mark]
    assert len(disabled) == 1
    page = read(send(moderator, page, f"Complete {waiting}"))
    assert page.status == 409
    assert "1 result is still missing." in page.text
    page = follow(moderator, send(moderator, page, f"Reject {waiting}"))
    assert "The request is rejected." in page.text
    page = get(moderator, "/pages/requests?state=formed")
    page = follow(moderator, send(moderator, page, f"Complete {ready}"))
    assert "The request is completed." in page.text
    assert page.form("Filter").values["state"] == "formed"
    page = read(moderator.post(f"/pages/requests/{ready}/reject", data={"back": ""}))
    assert page.status == 409
    assert "The request is completed by now." in page.text
    states = {number: creator.get(f"/requests/{number}").json()["state"] for number in (waiting, ready)}
    assert states == {waiting: "rejected", ready: "completed"}


# The chat


def said(client: httpx.Client, request: int) -> list[tuple[str, str]]:
    messages = client.get(f"/requests/{request}/chat").json()["messages"]
    return [(each["author"], each["text"]) for each in messages]


def test_two_write_with_forms(api: Api, creator: httpx.Client, moderator: httpx.Client) -> None:
    request = formed(api, creator)
    path = f"/pages/requests/{request}"
    answer = send(creator, get(creator, path), "Send", text=f"  {EVIL}\r\nand more ")
    assert answer.headers["Location"] == f"{path}#message-1"
    page = follow(creator, answer)
    assert "Your message was sent." in page.text
    assert "message-1" in page.ids
    assert page.form("Send").values["text"] == ""
    page = get(moderator, path)
    assert EVIL in page.text
    follow(moderator, send(moderator, page, "Send", text="💬" * 2000))
    assert said(creator, request) == [("creator", f"{EVIL}\nand more"), ("moderator", "💬" * 2000)]


def test_a_form_says_the_same_once_and_something_else_besides(api: Api, creator: httpx.Client) -> None:
    request = formed(api, creator)
    page = get(creator, f"/pages/requests/{request}")
    first = send(creator, page, "Send", text="When?")
    assert send(creator, page, "Send", text="When?").headers["Location"] == first.headers["Location"]
    assert said(creator, request) == [("creator", "When?")]
    # Gone back, and written anew into the same form.
    send(creator, page, "Send", text="Where?")
    # The same words in another form are another message.
    send(creator, get(creator, f"/pages/requests/{request}"), "Send", text="When?")
    assert [text for _, text in said(creator, request)] == ["When?", "Where?", "When?"]


@pytest.mark.parametrize("text", ["", " \n\t ", "x" * 2001, "nul\x00"])
@pytest.mark.parametrize(("code", "rule"), [("en", "1 to 2,000 characters"), ("ru", "От 1 до 2000 знаков")])
def test_a_message_that_breaks_the_rule_stays_in_its_field(
    api: Api, creator: httpx.Client, text: str, code: str, rule: str
) -> None:
    request = formed(api, creator)
    creator.headers["Accept-Language"] = code
    button = {"en": "Send", "ru": "Отправить"}[code]
    page = read(send(creator, get(creator, f"/pages/requests/{request}"), button, text=text))
    assert (page.status, page.described("text")) == (422, "text-fault")
    assert rule in page.text
    assert page.form(button).values["text"].replace("\ufffd", "\x00") == text
    assert said(creator, request) == []
    follow(creator, send(creator, page, button, text="Better"))
    assert said(creator, request) == [("creator", "Better")]


def test_a_full_chat_says_so_and_keeps_what_was_typed(api: Api, creator: httpx.Client) -> None:
    request = formed(api, creator)
    page = get(creator, f"/pages/requests/{request}")
    with api.cluster.connect(api.database, schema="main") as connection:
        connection.execute("UPDATE chat_heads SET last = 10000 WHERE request_id = %s", [request])
    page = read(send(creator, page, "Send", text="One more"))
    assert (page.status, page.form("Send").values["text"]) == (409, "One more")
    assert "This chat takes no more messages." in page.text


def test_only_those_of_a_request_write_about_it(api: Api, creator: httpx.Client, guest: httpx.Client) -> None:
    request = formed(api, creator)
    page = get(creator, f"/pages/requests/{request}")
    with api.signed_in("second") as stranger:
        assert read(send(stranger, page, "Send", text="Hello")).status == 404
    guest.headers["Origin"] = api.url
    assert send(guest, page, "Send", text="Hello").headers["Location"].startswith("/pages/login")
    assert read(creator.post(f"/pages/requests/{request}/chat", data={"id": "1", "text": "Hello"})).status == 422
    assert said(creator, request) == []


def test_requests_are_filtered(api: Api, creator: httpx.Client) -> None:
    number = formed(api, creator)
    link = f"Request {number}"
    assert link in get(creator, "/pages/requests?state=formed&formed_from=2020-01-01&formed_to=").links
    assert link not in get(creator, "/pages/requests?state=completed&state=rejected").links
    assert link not in get(creator, "/pages/requests?formed_to=2020-01-01").links
    page = get(creator, "/pages/requests?formed_from=yesterday", 422)
    assert page.described("formed_from") == "formed_from-fault"
    # What one looks for when told to is there.
    assert "state-fault" in get(creator, "/pages/requests?state=unheard-of", 422).ids
    page = get(creator, "/pages/requests?before=here", 422)
    assert "This is not understood." in page.text
    assert "Please look" not in page.text


# Refusals


def test_what_is_another_creator_s_is_not_there(api: Api, creator: httpx.Client, moderator: httpx.Client) -> None:
    draft = new_draft(creator)
    with api.signed_in("second") as second:
        for client in (second, moderator):
            for path in ("", "/delete"):
                page = get(client, f"/pages/requests/{draft}{path}", 404)
                assert "Northwind" not in page.text
            for path in ("/items", "/form", "/delete", "/items/1/remove", "/complete", "/reject"):
                answer = client.post(f"/pages/requests/{draft}{path}", data={"quantity-1": "3", "tag": "*"})
                assert read(answer).status == 404
    assert creator.get(f"/requests/{draft}").json()["state"] == "draft"


@pytest.mark.parametrize("path", ["/pages/stocks/new", "/pages/stocks/1/edit", "/pages/stocks/1/delete"])
def test_only_moderators_edit_stocks(guest: httpx.Client, creator: httpx.Client, path: str) -> None:
    assert guest.get(path).headers["Location"] == f"/pages/login?next={path.replace('/', '%2F')}"
    assert guest.post(path, data={}).headers["Location"] == "/pages/login?next=%2F"
    for answer in (creator.get(path), creator.post(path, data={"company": "x"})):
        page = read(answer)
        assert page.status == 403
        assert "Only a moderator can do this." in page.text


FORMS = [
    "/pages/login",
    "/pages/logout",
    "/pages/register",
    "/pages/language",
    "/pages/stocks/1/draft",
    "/pages/stocks/new",
    "/pages/stocks/1/edit",
    "/pages/stocks/1/delete",
    "/pages/requests/1/items",
    "/pages/requests/1/items/1/remove",
    "/pages/requests/1/form",
    "/pages/requests/1/delete",
    "/pages/requests/1/complete",
    "/pages/requests/1/chat",
    "/pages/requests/1/reject",
]


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_a_form_of_another_site_does_nothing(moderator: httpx.Client, path: str, origin: str) -> None:
    page = read(moderator.post(path, data={"language": "ru"}, headers={"Origin": origin}))
    assert page.status == 403
    assert "The form came from another site, so nothing was done." in page.text


def test_every_form_is_among_those() -> None:
    """Of the pages' routes, so that a new one is held against the check above."""
    routes = iter_route_contexts(pages.router.routes)
    paths = {route.path for route in routes if "POST" in (route.methods or ())}
    known = {path.replace("/1/remove", "/{stock_id}/remove") for path in FORMS}
    known = {path.replace("/requests/1", "/requests/{request_id}") for path in known}
    assert paths == {path.replace("/stocks/1", "/stocks/{stock_id}") for path in known}


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=%ff", b"&" * 400, b"{}"])
@pytest.mark.parametrize("path", FORMS)
def test_a_body_that_is_no_form_is_refused_or_means_nothing(moderator: httpx.Client, path: str, body: bytes) -> None:
    if path == "/pages/logout":
        return
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = moderator.post(path, content=body, headers=headers)
    assert answer.status_code < 500
    assert read(answer).status in {400, 403, 404, 409, 412, 422}
    assert read(moderator.post(path, json={})).status in {403, 404, 415}


def test_refusals_of_pages_are_pages_and_of_the_api_problems(guest: httpx.Client) -> None:
    page = get(guest, "/pages/nowhere", 404)
    assert page.title.startswith("Not found")
    assert page.ids[0] == "content"
    refused(guest.get("/nowhere"), 404, None)
    answer = guest.post("/pages/requests")
    assert read(answer).status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    refused(guest.get("/stocks/999999"), 404, "not-found")


def test_without_the_database_a_page_says_so(launcher: Launcher, database: str) -> None:
    main, url = launcher.main(database, SP_DATABASE_PORT=str(free_port()))
    main.start()
    with launcher.client(url) as client:

        def answer() -> httpx.Response | None:
            try:
                return client.get("/", headers={"Accept-Language": "ru"}, timeout=60)
            except httpx.ConnectError:
                return None

        found = eventually(answer)
        page = read(found)
        assert (page.status, found.headers["Retry-After"], page.language) == (503, "2", "ru")
        assert "не может связаться с базой данных" in page.text


def test_requests_are_shown_though_the_feed_stands_still(launcher: Launcher, cluster: Cluster, database: str) -> None:
    main, url = launcher.main(database)
    with cluster.connect(database, schema="main") as connection, connection.transaction():
        connection.execute("SELECT FROM feed_head FOR UPDATE")
        main.start()
        main.alive_until(
            lambda: any(line["message"].startswith("Uvicorn running on") for line in main.lines()), "listening"
        )
        with launcher.client(url, Origin=url) as client:
            form = {"name": "creator", "password": APP_USERS["creator"]}
            page = follow(client, client.post("/pages/login", data={**form, "next": "/pages/requests"}))
    assert page.status == 200
    assert [mark["data-cursor"] for _, mark in page.marks if "data-cursor" in mark] == [""]


def test_an_error_of_ours_is_a_page_that_tells_nothing_of_it(api: Api, guest: httpx.Client) -> None:
    with api.cluster.connect(api.database, schema="main") as connection:
        connection.execute("ALTER TABLE stocks RENAME COLUMN picture TO elsewhere")
        try:
            answer = guest.get("/")
        finally:
            connection.execute("ALTER TABLE stocks RENAME COLUMN elsewhere TO picture")
    page = read(answer)
    assert page.status == 500
    assert page.title.startswith("Something went wrong")
    assert answer.headers["X-Request-ID"] in page.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    for word in ("picture", "psycopg", "Traceback", "column"):
        assert word not in answer.text.replace("/static/pictures", "")


def test_names_are_text_wherever_they_are_shown(creator: httpx.Client, moderator: httpx.Client) -> None:
    stock = offer(moderator, company=EVIL, description=EVIL)
    draft = new_draft(creator)
    creator.post(f"/stocks/{stock}/draft")
    shown = [creator.get("/"), creator.get(f"/pages/requests/{draft}"), creator.get(f"/pages/requests/{draft}/delete")]
    shown += [moderator.get(path) for path in ("/", f"/pages/stocks/{stock}/edit", f"/pages/stocks/{stock}/delete")]
    creator.put(f"/requests/{draft}/form")
    shown += [creator.get(f"/pages/requests/{draft}"), creator.get("/pages/requests")]
    shown += [creator.get("/", params={"q": EVIL}), creator.get("/pages/login", params={"next": f"/{EVIL}"})]
    for answer in shown[:-1]:
        assert "&lt;script&gt;" in answer.text
    for answer in shown:
        assert "<script>" not in answer.text
        assert "<b onclick" not in answer.text
        assert "{{" not in answer.text


# Languages


def test_the_language_is_the_browser_s_until_one_is_chosen(guest: httpx.Client) -> None:
    guest.headers["Accept-Language"] = "ru-RU,ru;q=0.9"
    answer = guest.get("/?q=grain")
    page = read(answer)
    assert (page.language, answer.headers["Content-Language"]) == ("ru", "ru")
    assert "96,15 ₽" in page.text
    answer = guest.post("/pages/language", data={"language": "en", "back": "/?q=grain"})
    assert answer.headers["Location"] == "/?q=grain"
    page = follow(guest, answer)
    assert page.language == "en"
    assert "₽96.15" in page.text
    assert get(guest, "/pages/nowhere", 404).language == "en"
    assert read(guest.post("/pages/language", data={"language": "xx"})).status == 400
    cookie = {"Cookie": "__Host-language=../../etc/passwd"}
    assert read(guest.get("/pages/login", headers=cookie)).language == "ru"


def test_a_russian_page_has_no_english_left(api: Api, creator: httpx.Client, moderator: httpx.Client) -> None:
    creator.headers["Accept-Language"] = moderator.headers["Accept-Language"] = "ru"
    request, draft = formed(api, creator), new_draft(creator)
    places = [(creator, path) for path in ("/", "/pages/requests", f"/pages/requests/{draft}")]
    places += [(creator, f"/pages/requests/{request}"), (creator, f"/pages/requests/{request}/timeline")]
    places += [(moderator, path) for path in ("/pages/stocks/new", "/pages/requests", f"/pages/requests/{request}")]
    for client, path in places:
        page = get(client, path)
        assert page.language == "ru"
        for word in ("Stocks", "Request", "Draft", "formed", "Sign out", "Company", "growing", "Save", "Price"):
            assert word not in page.text.split(), (path, word)
