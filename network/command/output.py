"""A report or a picture as a file that the user named."""

from pathlib import Path

from network.errors import Problem, UserError


def write(path: Path, content: str, what: str) -> None:
    """Write the file; `what` names it in messages: "the picture". Raises UserError."""
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        remedy = "name a file in a directory that exists and that you may write to"
        raise UserError(Problem(str(path), f"{error.strerror}", f"{what} is written there", remedy)) from error
