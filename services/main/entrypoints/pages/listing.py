"""Lists with filters, page by page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, get_origin
from urllib.parse import urlencode

from services.main.entrypoints.pages.fields import Filled, decimal_text, read_fields
from services.main.entrypoints.pages.frame import Frame
from services.main.entrypoints.paging import Page

T = TypeVar("T")
Query = TypeVar("Query", bound=Page)


@dataclass(frozen=True)
class Listed(Generic[T]):
    """One page of a list. first, next: targets of other pages, None where this is it. is_filtered: by the visitor."""

    items: Sequence[T]
    first: str | None
    next: str | None
    is_filtered: bool


def read_query(frame: Frame, model: type[Query], limit: int) -> tuple[Query | None, Filled]:
    """The filters of the address, as `model`; None where one breaks its rule. A field that was left empty asks nothing.

    Of parameters that `model` does not know nothing is said: links from elsewhere carry some.
    """
    values: dict[str, object] = {}
    for name, text in frame.request.query_params.multi_items():
        if not text or name == "limit" or name not in model.model_fields:
            continue
        if get_origin(model.model_fields[name].annotation) is list:
            known = values.setdefault(name, [])
            assert isinstance(known, list)
            known.append(text)
        else:
            values[name] = text
    numbers = {name: decimal_text(str(values[name])) for name in ("min_price", "max_price") if name in values}
    query, faults = read_fields(model, values | numbers | {"limit": limit})
    return query, Filled(values, faults)


def list_page(frame: Frame, found: Sequence[T], limit: int, *, cursor: str, last: Callable[[T], int]) -> Listed[T]:
    """The first `limit` of what was found, which is one more where there is a next page."""
    path = frame.request.url.path
    asked = [(name, text) for name, text in frame.request.query_params.multi_items() if text]
    kept = [(name, text) for name, text in asked if name != cursor]
    items = found[:limit]
    return Listed(
        items,
        first=f"{path}?{urlencode(kept)}".removesuffix("?") if len(kept) < len(asked) else None,
        next=f"{path}?{urlencode([*kept, (cursor, last(items[-1]))])}" if len(found) > limit else None,
        is_filtered=bool(kept),
    )
