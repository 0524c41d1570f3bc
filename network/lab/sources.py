"""The apt sources of a Debian machine, one-line style and deb822 style: apt's sources.list(5). Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One archive: its address, suite and components."""

    uri: str
    suite: str
    components: tuple[str, ...]


def parse(text: str, *, deb822: bool) -> list[Source]:
    """Read the binary archives of one sources file, in order. Source archives and disabled stanzas are left out."""
    return _stanzas(text) if deb822 else _lines(text)


def of_distribution(sources: Iterable[Source], codename: str) -> list[Source]:
    """Only the distribution's own archives of a release: other vendors name their suites or components differently."""
    suites = {codename, f"{codename}-updates", f"{codename}-security"}
    return [source for source in sources if source.suite in suites and "main" in source.components]


def one_line(source: Source) -> str:
    """Return the source in one-line style, with `main` only."""
    return f"deb {source.uri} {source.suite} main"


def _lines(text: str) -> list[Source]:
    sources = []
    for line in text.splitlines():
        words = re.sub(r"\[[^]]*\]", " ", line.partition("#")[0]).split()
        if len(words) >= 3 and words[0] == "deb":
            sources.append(Source(words[1], words[2], tuple(words[3:])))
    return sources


def _stanzas(text: str) -> list[Source]:
    sources: list[Source] = []
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t"):
                fields[name] = f"{fields.get(name, '')} {line.strip()}"
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if fields.get("enabled", "yes").lower() in ("no", "false", "0") or "deb" not in fields.get("types", "").split():
            continue
        sources += [
            Source(uri, suite, tuple(fields.get("components", "").split()))
            for uri in fields.get("uris", "").split()
            for suite in fields.get("suites", "").split()
        ]
    return sources
