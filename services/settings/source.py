"""Where settings come from, and what is said when they are wrong.

Variables are named `SP_…`; an empty one counts as absent. Secrets are files in `$CREDENTIALS_DIRECTORY`, where systemd
puts what a unit's `LoadCredential=` names (systemd.exec(5)). Every fault of a source is told at once, not one a start.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import NoReturn, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.settings.secret import Secret

T = TypeVar("T")
C = TypeVar("C", bound=Enum)


class SettingsError(Exception):
    """One or more settings are missing or wrong. The text has one line a fault: name, value found, what to write."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Source:
    """Reads typed settings and collects the faults; `complete` raises them together.

    A faulty setting is read as a harmless placeholder, which `complete` keeps from ever being used.
    """

    def __init__(self, environ: Mapping[str, str], credentials: Path | None) -> None:
        self._environ = environ
        self._credentials = credentials
        self._faults: list[str] = []

    @classmethod
    def of_process(cls) -> "Source":
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        return cls(os.environ, Path(directory) if directory else None)

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environ.get(name, "").strip()
        if value:
            return value
        if default is None:
            self._faults.append(f"{name}: not set; set the environment variable")
            return ""
        return default

    def number(self, name: str, default: float | None = None, *, least: float, most: float) -> float:
        """A number in [least, most]."""
        text = self.text(name, None if default is None else repr(default))
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if least <= value <= most:
            return value
        if text:
            self._faults.append(f"{name}: {text!r} is not a number between {least:g} and {most:g}")
        return least

    def choice(self, name: str, among: type[C], default: C) -> C:
        """One of an enumeration, whose values are what is written."""
        text = self.text(name, default.value)
        found = next((each for each in among if each.value == text), None)
        if found is None:
            self._faults.append(f"{name}: {text!r} is none of {', '.join(each.value for each in among)}")
        return found or default

    def flag(self, name: str) -> bool:
        """Whether it says yes. It is yes or no, and no where nothing is said."""
        text = self.text(name, "no")
        if text not in {"yes", "no"}:
            self._faults.append(f"{name}: {text!r} is neither yes nor no")
        return text == "yes"

    def names(self, name: str) -> frozenset[str]:
        """Names of hosts, separated by blanks; one at least."""
        return frozenset(self.text(name).split())

    def port(self, name: str, default: int | None = None) -> int:
        return int(self.number(name, default, least=1, most=65535))

    def https_url(self, name: str) -> str:
        """An https URL without a path, e.g. `https://worker1:3000`. Tokens travel on it, so never plain http."""
        text = self.text(name)
        parts = urlsplit(text.rstrip("/"))
        if text and (parts.scheme != "https" or not parts.hostname or parts.path or parts.query or parts.fragment):
            self._faults.append(f"{name}: {text!r} is not like https://host:port")
        return text.rstrip("/")

    def origins(self, name: str) -> frozenset[str]:
        """Web origins (RFC 6454), separated by blanks or commas, e.g. `https://example.org https://localhost:8443`."""
        found = [origin for origin in re.split(r"[,\s]+", self.text(name)) if origin]
        for origin in found:
            if not re.fullmatch(r"https://[a-z0-9.\-\[\]:]+", origin):
                self._faults.append(
                    f"{name}: {origin!r} is not an origin like https://example.org or https://host:8443"
                )
        return frozenset(found)

    def time_zone(self, name: str, default: str) -> str:
        """A name of the tz database (RFC 6557), e.g. `Europe/Moscow`."""
        text = self.text(name, default)
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._faults.append(f"{name}: {text!r} is no time zone that this host knows; write one like Europe/Moscow")
        return text

    def file(self, name: str) -> Path:
        """A file that exists and can be read."""
        text = self.text(name)
        path = Path(text)
        if text and not os.access(path, os.R_OK):
            self._faults.append(f"{name}: {text!r} cannot be read; is the file there, and may this user read it?")
        return path

    def secret(self, name: str, *, optional: bool = False) -> Secret:
        """The credential `name`, without its last line break. An optional one that is absent reads as empty."""
        path = self._credential(name)
        try:
            text = path.read_text("utf-8").rstrip("\r\n") if path else ""
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError) as error:
            self._faults.append(f"credential {name}: {path} cannot be read ({type(error).__name__})")
            return Secret("")
        if not text and not optional:
            where = path or "$CREDENTIALS_DIRECTORY, which is not set"
            self._faults.append(f"credential {name}: nothing in {where}; give the unit LoadCredential={name}:…")
        return Secret(text)

    def secret_file(self, name: str) -> Path:
        """The path of credential `name`, for libraries that read the file themselves."""
        path = self._credential(name)
        if path is None or not os.access(path, os.R_OK):
            where = path or "$CREDENTIALS_DIRECTORY, which is not set"
            self._faults.append(f"credential {name}: nothing in {where}; give the unit LoadCredential={name}:…")
            return Path()
        return path

    def fault(self, text: str) -> None:
        self._faults.append(text)

    def complete(self) -> None:
        if self._faults:
            # One that two settings need is told once.
            raise SettingsError(list(dict.fromkeys(self._faults)))

    def _credential(self, name: str) -> Path | None:
        return self._credentials / name if self._credentials else None


def load(read: Callable[[Source], T]) -> T:
    """Read the settings of this process, or tell on standard error what is wrong with them and exit with code 2."""
    source = Source.of_process()
    try:
        settings = read(source)
        source.complete()
    except SettingsError as error:
        _refuse(error)
    return settings


def _refuse(error: SettingsError) -> NoReturn:
    for fault in error.faults:
        sys.stderr.write(f"settings: {fault}\n")
    raise SystemExit(2)
