"""Templates: Jinja's grammar cut down to what fills in words, in its sandbox, with every gap an error.

What is allowed is listed, so that a template ends soon and reaches nothing: variables, conditions, a few filters, and
loops over given lists. There are no calls, no arithmetic and no loops within loops.
"""

import traceback
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateRuntimeError, TemplateSyntaxError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.gateway.domain.errors import InvalidMessage

# Characters of a template, and of what it may come to: a loop could multiply what it was given.
MOST = 8000
MOST_RENDERED = 100_000
FILTERS = ("capitalize", "default", "length", "lower", "round", "title", "trim", "truncate", "upper")

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Filter,
    nodes.If,
    nodes.For,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.CondExpr,
    nodes.Keyword,
)


class _Environment(ImmutableSandboxedEnvironment):
    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field that was given comes before Python's method of its name: `order.items`, `order.count`."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


def _value(found: Any) -> Any:
    """What is put in. Raises TemplateRuntimeError for one of Python's methods or Jinja's objects."""
    if found is None or isinstance(found, str | int | float | list | dict | Undefined):
        return found
    raise TemplateRuntimeError("what is put in is no value")


def _environment() -> ImmutableSandboxedEnvironment:
    # No HTML is made here: mail is plain text, and so are chats.
    environment = _Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, finalize=_value)
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    environment.globals.clear()
    return environment


_ENVIRONMENT = _environment()


def render(template: str, variables: Mapping[str, Any]) -> str:
    """The template with its gaps filled. Raises InvalidMessage, which says where it is broken, and why."""
    if len(template) > MOST:
        raise InvalidMessage("template", f"It has {len(template)} characters, and at most {MOST} are taken.")
    try:
        tree = _ENVIRONMENT.parse(template)
        _check(tree, looping=False)
        return _bounded(_ENVIRONMENT.from_string(template).generate(variables))
    except TemplateSyntaxError as error:
        raise InvalidMessage("template", _sentence(error.message), error.lineno) from None
    except TemplateError as error:
        raise InvalidMessage("template", _sentence(error.message), _line(error)) from None
    except (TypeError, ValueError, OverflowError, RecursionError, ArithmeticError, SyntaxError) as error:
        # A filter that does not fit its value, such as `round` of a text; or more levels than Python's compiler takes.
        raise InvalidMessage("template", _sentence(str(error)), _line(error)) from None


def _bounded(pieces: Iterable[str]) -> str:
    text = ""
    for piece in pieces:
        text += piece
        if len(text) > MOST_RENDERED:
            raise InvalidMessage("template", f"It comes to more than {MOST_RENDERED} characters.")
    return text


def _check(node: nodes.Node, *, looping: bool) -> None:
    """Raise InvalidMessage at the first thing that is not allowed. looping: inside of a loop."""
    if not isinstance(node, _ALLOWED):
        what = type(node).__name__.lower()
        raise InvalidMessage("template", f"{what} is not for templates of messages.", node.lineno)
    if isinstance(node, nodes.For):
        if looping or node.recursive:
            raise InvalidMessage("template", "A loop within a loop is not for templates of messages.", node.lineno)
        looping = True
    for child in node.iter_child_nodes():
        _check(child, looping=looping)


def _line(error: BaseException) -> int | None:
    """The line of the template that was rendered when the error came up: Jinja rewrites tracebacks to tell it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return frames[-1].lineno if frames else None


def _sentence(text: str | None) -> str:
    found = (text or "it cannot be rendered").strip()
    return found[:1].upper() + found[1:300].rstrip(".") + "."
