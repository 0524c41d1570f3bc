"""Reading of the files, and nothing else: bytes by the name that messages use."""

import re
from pathlib import Path

from network.errors import Problem, UserError

# As Ansible has them (INVENTORY_IGNORE_EXTS, YAML_FILENAME_EXTENSIONS); the first that exists is read.
_IGNORED = (".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry")
_YAML = (".yml", ".yaml", ".json")
_OURS = re.compile(rb"(?:^|[\s{,])network_(environment|domain|public_names|zones|externals)\s*:")


def policy(path: Path) -> tuple[str, bytes]:
    """Return the policy's name for messages and its content. Raises UserError when it cannot be read."""
    return shown(path), _content(path)


def inventory(directory: Path) -> dict[str, bytes]:
    """Return the files of an inventory directory, by their path inside it, in the order in which Ansible reads them.

    Raises UserError when there is no such directory, or something in it is no YAML inventory.
    """
    if not directory.is_dir():
        found = "a file" if directory.exists() else "nothing there"
        rule = "an inventory is a directory with hosts.yml and group_vars"
        raise UserError(Problem(shown(directory), found, rule, "Name a directory such as inventory/lab."))
    found_files: dict[str, bytes] = {}
    for entry in _entries(directory):
        if entry.name.endswith(_IGNORED) or entry.name in ("group_vars", "host_vars"):
            continue
        if entry.is_dir() or entry.suffix not in _YAML:
            rule = "an inventory holds YAML files, group_vars and host_vars"
            remedy = "Write the hosts as YAML, or move the file out of the inventory."
            raise UserError(Problem(shown(entry), "a directory" if entry.is_dir() else "no YAML", rule, remedy))
        found_files[entry.name] = _content(entry)
    if not found_files:
        rule = "an inventory has a file that lists its hosts"
        raise UserError(Problem(shown(directory), "no hosts.yml", rule, "Write hosts.yml as inventory/lab has it."))
    for kind in ("group_vars", "host_vars"):
        for path in _variables(directory / kind):
            found_files[path.relative_to(directory).as_posix()] = _content(path)
    return found_files


def concerns(directory: Path) -> bool:
    """Whether a directory is an inventory of ours: its hosts' common variables say something of the network."""
    if not directory.is_dir():
        return False
    common = [path for path in _variables(directory / "group_vars") if "all" in (path.stem, path.parent.name)]
    lists = [path for path in _entries(directory) if path.is_file() and path.suffix in _YAML]
    return any(_OURS.search(_content(path)) for path in common) or any(
        content.startswith(b"all:") or b"\nall:" in content for path in lists if _OURS.search(content := _content(path))
    )


def shown(path: Path) -> str:
    """Return a path as messages show it: below the working directory without that, else as it is."""
    here = Path.cwd()
    absolute = path if path.is_absolute() else here / path
    return absolute.relative_to(here).as_posix() if absolute.is_relative_to(here) else absolute.as_posix()


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise _unreadable(directory, error) from None


def _variables(directory: Path) -> list[Path]:
    """Return the files with the variables of groups or hosts; where a name is there twice, the one Ansible reads."""
    if not directory.is_dir():
        return []
    chosen: dict[str, Path] = {}
    for suffix in ("", *_YAML):
        for path in _entries(directory):
            if (path.suffix if path.suffix in _YAML else "") == suffix and not path.name.endswith(_IGNORED):
                chosen.setdefault(path.name.removesuffix(suffix), path)
    return [path for top in sorted(chosen.values()) for path in _below(top)]


def _below(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    inside = (entry for entry in _entries(path) if entry.suffix in ("", *_YAML) and not entry.name.endswith("~"))
    return [file for entry in inside for file in _below(entry)]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> UserError:
    reason = (error.strerror or str(error)).lower()
    return UserError(Problem(shown(path), reason, "it can be read", "Check its name and its mode."))
