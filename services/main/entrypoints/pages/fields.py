"""Fields of forms: text, as it was typed, and what it means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from services.main.entrypoints.pages.wording import RULE, RULES

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Filled:
    """A form as it is shown: what its fields hold, and which message belongs to which of them."""

    values: Mapping[str, object] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)


def read_fields(model: type[Model], values: Mapping[str, object]) -> tuple[Model | None, dict[str, str]]:
    """The fields as `model`; or None, and for each that breaks its rule the rule's message."""
    try:
        return model.model_validate(values, strict=False), {}
    except ValidationError as error:
        wrong = [str(each["loc"][0]) for each in error.errors(include_input=False, include_context=False)]
        return None, {name: RULES.get(name, RULE) for name in wrong}


def decimal_text(typed: str) -> str:
    """A decimal number as one types it in either language, with or without blanks between the thousands."""
    return "".join(typed.split()).replace(",", ".")
