#!/usr/bin/python
"""Ansible module: read in one call what the roles decide by."""

import platform
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: host_facts
short_description: Read in one call what the roles decide by
description:
  - Gives a few facts under the names and in the shapes of M(ansible.builtin.setup), M(ansible.builtin.package_facts),
    M(ansible.builtin.service_facts) and M(ansible.builtin.getent), in one call and without opening the package cache.
  - A task whose result these facts already show can be left out.
options:
  probes:
    description: "Commands to run, by a name of their own. Their exit code and output are the fact C(probes)."
    type: dict
    default: {}
author: Sallyport
"""

EXAMPLES = """
- name: Read the state of the host
  host_facts:
- name: Install what is missing
  ansible.builtin.apt:
    name: "{{ base_packages }}"
  when: base_packages is not subset(ansible_facts['packages'] | default({}))
"""

RETURN = """
ansible_facts:
  description: >-
    distribution, distribution_major_version, architecture, virtualization_type, container, packages, services,
    getent_passwd and probes.
  returned: always
  type: dict
"""

STATUS = Path("/var/lib/dpkg/status")
UNITS = Path("/etc/systemd/system")
KINDS = "service,socket,timer"
ACTIVE = {"active": "running", "reloading": "running", "activating": "running", "failed": "failed"}


def output(*command: str) -> str:
    """Return what a command prints; nothing when it cannot be run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def packages(status: str) -> dict[str, list[dict[str, str]]]:
    """Return the installed packages, from the text of dpkg's database."""
    found: dict[str, list[dict[str, str]]] = {}
    for paragraph in status.split("\n\n"):
        if "\nStatus: install ok installed\n" not in paragraph:
            continue
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        entry = {"name": fields["Package"], "version": fields["Version"], "arch": fields["Architecture"]}
        found.setdefault(fields["Package"], []).append({**entry, "source": "dpkg"})
    return found


def services(units: str, links: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Return units by name: `state` is running, stopped or failed; `status` is enabled, masked or disabled.

    `status` is read from the links in /etc/systemd/system, for systemctl looks at every unit file to tell it.
    """
    found = {}
    for line in units.splitlines():
        name, _, active = line.split()[:3]
        found[name] = {"name": name, "state": ACTIVE.get(active, "stopped"), "status": "disabled", "source": "systemd"}
    for link in links:
        entry = found.setdefault(link.name, {"name": link.name, "state": "stopped", "source": "systemd"})
        entry["status"] = "masked" if str(link.readlink()) == "/dev/null" else "enabled"
    return found


def users(passwd: str) -> dict[str, list[str]]:
    """Return the local users: name to the other fields of /etc/passwd."""
    return {line.split(":")[0]: line.split(":")[1:] for line in passwd.splitlines() if ":" in line}


def probe(command: str) -> dict[str, Any]:
    """Run a command; one that is not there has the exit code that a shell would give it."""
    try:
        result = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
    except OSError as error:
        return {"rc": 127, "stdout": "", "stderr": f"{command}: {error.strerror}"}
    return {"rc": result.returncode, "stdout": result.stdout, "stderr": result.stderr}


def main() -> None:
    """Read, and hand over."""
    module = AnsibleModule(argument_spec={"probes": {"type": "dict", "default": {}}}, supports_check_mode=True)
    release = platform.freedesktop_os_release()
    container = output("systemd-detect-virt", "--container").strip()
    machine = output("systemd-detect-virt", "--vm").strip() if container == "none" else ""
    facts: dict[str, Any] = {
        "distribution": release["NAME"].split()[0],
        "distribution_major_version": release.get("VERSION_ID", "").split(".")[0],
        "architecture": platform.machine(),
        "virtualization_type": machine if container in {"", "none"} else container,
        "container": container not in {"", "none"},
        "packages": packages(STATUS.read_text()) if STATUS.is_file() else {},
        "services": services(
            output("systemctl", "list-units", "--all", "--plain", "--no-legend", "--no-pager", f"--type={KINDS}"),
            (path for path in (*UNITS.glob("*/*"), *UNITS.glob("*")) if path.is_symlink()),
        ),
        "getent_passwd": users(Path("/etc/passwd").read_text()),
        "probes": {},
    }
    for name, command in module.params["probes"].items():
        facts["probes"][name] = probe(command)
    module.exit_json(changed=False, ansible_facts=facts)


if __name__ == "__main__":
    main()
