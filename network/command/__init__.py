"""The commands. Each is a module with `HELP`, `arguments(parser)` and `run(args)`, and is listed here.

A command's module is imported when it is the one that was typed, so every command starts as fast as it can.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from network.errors import UserError

COMMANDS = (
    "up",
    "status",
    "show",
    "graph",
    "plan",
    "prove",
    "drift",
    "mutate",
    "rehearse",
    "evidence",
    "drill",
    "ssh",
    "letters",
    "doctor",
    "renumber",
    "test",
    "bench",
    "down",
)
"""In the order in which a user meets them."""


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 2 when what the user gave cannot be used, 130 when interrupted."""
    try:
        return _dispatch(arguments)
    except UserError as error:
        print(f"\n{error}" if sys.stdout.isatty() else error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted. The same command, typed again, carries on.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output has gone (a pager, head). Python must not try to flush to it at exit.
        sys.stderr.close()
        return 1


def _dispatch(arguments: Sequence[str]) -> int:
    name = arguments[0] if arguments else "--help"
    if name in ("--help", "-h", "help"):
        print(_overview())
        return 0
    if name not in COMMANDS:
        print(f"sallyport: no command {name!r}\n\n{_overview()}", file=sys.stderr)
        return 2
    module = _module(name)
    parser = argparse.ArgumentParser(prog=f"sallyport {name}", description=module.HELP)
    module.arguments(parser)
    code: int = module.run(parser.parse_args(arguments[1:]))
    return code


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"network.command.{name}")


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {_module(name).HELP}" for name in COMMANDS]
    return "\n".join(["usage: sallyport COMMAND [--help]", "", *lines])
