"""The commands that the README names are those of the command line."""

import re
from pathlib import Path

from network.command import COMMANDS

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def test_readme_names_only_commands_that_exist() -> None:
    named = set(re.findall(r"\./sallyport ([a-z]+)", README))
    assert named <= set(COMMANDS)


def test_readme_names_every_command() -> None:
    assert {f"./sallyport {name}" in README for name in set(COMMANDS) - {"graph"}} == {True}


def test_paths_that_the_readme_names_exist() -> None:
    root = Path(__file__).resolve().parents[2]
    links = re.findall(r"\]\(((?!http)[^)]+)\)", README) + re.findall(
        r"`((?:services|tests|roles|inventory)/[^`]*)`", README
    )
    assert [link for link in links if not (root / link).exists()] == []
