#!/usr/bin/python
"""Ansible module: bring a set of configuration files, links and directories to a host in one call."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: config_files
short_description: Bring a set of configuration files, links and directories to a host in one call
description:
  - A role's files are one decision, so they are one task. Every content is validated before the first file is written.
  - Missing parent directories are made, root 0755.
options:
  files:
    description: The files, in the order in which they are written.
    type: list
    elements: dict
    required: true
    suboptions:
      path: {description: Absolute path., type: path, required: true}
      content: {description: The text of the file., type: str}
      link: {description: Make a symbolic link to this target., type: str}
      directory: {description: Make a directory., type: bool}
      absent: {description: See to it that nothing is there., type: bool}
      owner: {description: User, type: str, default: root}
      group: {description: Group, type: str, default: root}
      mode: {description: "Octal; 0644 for files and 0755 for directories unless given.", type: str}
      validate: {description: "Command that must accept the content; %s is the file.", type: str}
      in_place: {description: "Write without a rename, for bind mounts.", type: bool, default: false}
      secret: {description: Never show a difference., type: bool, default: false}
author: Sallyport
"""

EXAMPLES = """
- name: Write the configuration of sshd
  config_files:
    files:
      - path: /etc/ssh/sshd_config.d/10-hardening.conf
        content: "{{ lookup('ansible.builtin.template', 'sshd.conf.j2') }}"
        validate: sshd -t -f %s
"""

RETURN = """
changed_paths:
  description: What was written or removed (in check mode, what would be).
  returned: always
  type: list
  elements: str
"""

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def read(path: Path) -> bytes | None:
    """Return the content of a regular file, None when there is none."""
    return path.read_bytes() if path.is_file() and not path.is_symlink() else None


def in_want(entry: dict[str, Any]) -> bool:
    """Whether the path is already what it should be, owner and mode apart."""
    path = Path(entry["path"])
    if entry["absent"]:
        return not os.path.lexists(path)
    if entry["link"] is not None:
        return path.is_symlink() and str(path.readlink()) == entry["link"]
    if entry["directory"]:
        return path.is_dir()
    return read(path) == str(entry["content"]).encode()


def refuse(module: AnsibleModule, entry: dict[str, Any]) -> None:
    """Fail unless the file's own program accepts the new content."""
    words = entry["validate"].split()
    program = module.get_bin_path(words[0], opt_dirs=SYSTEM_PATH.split(":"))
    if program is None:
        if module.check_mode:
            return
        module.fail_json(msg=f"{entry['path']}: {words[0]}, which validates it, is not installed on this host")
    with tempfile.NamedTemporaryFile(suffix=Path(entry["path"]).name) as candidate:
        candidate.write(entry["content"].encode())
        candidate.flush()
        command = [program, *(word.replace("%s", candidate.name) for word in words[1:])]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            said = "(hidden)" if entry["secret"] else (result.stderr + result.stdout).strip()
            said = said.replace(candidate.name, entry["path"])
            module.fail_json(msg=f"{entry['path']}: {words[0]} refuses the new content, nothing was written: {said}")


def write(module: AnsibleModule, entry: dict[str, Any]) -> None:
    """Make the path what it should be; a file is replaced as a whole or not at all, unless it is a bind mount."""
    path = Path(entry["path"])
    if entry["absent"]:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry["directory"]:
        path.mkdir()
    elif entry["link"] is not None:
        new = path.with_name(f".{path.name}.new")
        new.unlink(missing_ok=True)
        new.symlink_to(entry["link"])
        new.replace(path)
    elif entry["in_place"]:
        path.write_bytes(entry["content"].encode())
    else:
        # The new file keeps to itself (0600) until owner and mode are set, before it takes the old one's name.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(entry["content"].encode())
            stream.flush()
            os.fsync(stream.fileno())
        set_attributes(module, entry, name)
        Path(name).replace(path)


def set_attributes(module: AnsibleModule, entry: dict[str, Any], path: str) -> bool:
    """Set owner, group and mode; tells whether that changed anything."""
    if entry["absent"] or entry["link"] is not None or not os.path.lexists(path):
        return False
    mode = entry["mode"] or ("0755" if entry["directory"] else "0644")
    wanted = {"path": path, "owner": entry["owner"], "group": entry["group"], "mode": mode}
    arguments = module.load_file_common_arguments({**dict.fromkeys(FILE_ARGUMENTS), **wanted}, path)
    return bool(module.set_fs_attributes_if_different(arguments, False))


FILE_ARGUMENTS = ("attributes", "selevel", "serole", "setype", "seuser", "unsafe_writes")


def difference(entry: dict[str, Any]) -> dict[str, str]:
    """Return what --diff shows for a file."""
    if entry["secret"] or entry["content"] is None:
        return {"before": "", "after": "(hidden)\n" if entry["secret"] else f"{entry['link'] or 'changed'}\n"}
    before = read(Path(entry["path"])) or b""
    return {"before": before.decode(errors="replace"), "after": entry["content"]}


def main() -> None:
    """Validate everything, then write what differs."""
    options = {
        "path": {"type": "path", "required": True},
        "content": {"type": "str"},
        "link": {"type": "str"},
        "directory": {"type": "bool"},
        "absent": {"type": "bool"},
        "owner": {"type": "str", "default": "root"},
        "group": {"type": "str", "default": "root"},
        "mode": {"type": "str"},
        "validate": {"type": "str"},
        "in_place": {"type": "bool", "default": False},
        "secret": {"type": "bool", "default": False},
    }
    kinds = [["content", "link", "directory", "absent"]]
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": options,
                "mutually_exclusive": kinds,
                "required_one_of": kinds,
            }
        },
        supports_check_mode=True,
    )
    entries = module.params["files"]
    differing = [entry for entry in entries if not in_want(entry)]
    for entry in differing:
        if entry["validate"] and entry["content"] is not None:
            refuse(module, entry)

    changed: list[str] = []
    differences = []
    for entry in entries:
        differs = entry in differing
        if differs:
            heads = {"before_header": entry["path"], "after_header": entry["path"]}
            differences.append({**heads, **difference(entry)})
            if not module.check_mode:
                write(module, entry)
        if set_attributes(module, entry, entry["path"]) or differs:
            changed.append(entry["path"])
    module.exit_json(changed=bool(changed), changed_paths=changed, diff=differences)


if __name__ == "__main__":
    main()
