"""Ansible's vars plugin: every host gets the variables that policy and inventory make for it.

Ansible loads this file by its path, in its own process; so the repository's root is put on the import path first.
"""

import os
import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError  # type: ignore[import-untyped]
from ansible.inventory.host import Host  # type: ignore[import-untyped]
from ansible.plugins.vars import BaseVarsPlugin  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from network.compile.variables import host_variables  # noqa: E402  the root must be on the path
from network.errors import UserError  # noqa: E402
from network.model import Model  # noqa: E402
from network.read import concerns, load  # noqa: E402

DOCUMENTATION = r"""
name: sallyport
version_added: "1.0"
short_description: The network variables of every host, derived from network/policy.yml
description:
  - Reads the policy and the inventory that Ansible was given, and refuses both when anything in them is wrong.
  - Gives each host its management address (ansible_host), its legs, routes, hosts file, firewall rules and flows.
  - Another policy is read where the environment variable SALLYPORT_POLICY names its file.
  - Does nothing for an inventory whose group_vars/all says nothing of the network.
options: {}
"""

_models: dict[str, Model | UserError | None] = {}
_variables: dict[tuple[str, str], dict[str, Any]] = {}


class VarsModule(BaseVarsPlugin):  # type: ignore[misc]  # Ansible has no types
    """Looked up by Ansible under this name."""

    # The answer depends on the path and the host alone, so Ansible may keep one instance of the plugin.
    is_stateless = True

    def get_vars(self, loader: object, path: str, entities: object) -> dict[str, Any]:
        """Return the variables of the hosts among `entities`; groups have none.

        Raises AnsibleError with every problem of policy and inventory, before any host is touched.
        """
        super().get_vars(loader, path, entities)
        model = _model(path)
        found: dict[str, Any] = {}
        if model is None:
            return found
        for entity in entities if isinstance(entities, list) else [entities]:
            if isinstance(entity, Host) and entity.name in model.fleet.hosts:
                found.update(_of_host(model, path, entity.name))
        return found


def policy_file() -> Path:
    """Return the policy of this run."""
    return Path(os.environ.get("SALLYPORT_POLICY") or ROOT / "network/policy.yml").resolve()


def _model(path: str) -> Model | None:
    """Return the model of an inventory directory, read once per process; None if it is none of ours."""
    if path not in _models:
        directory = Path(path)
        try:
            _models[path] = load(policy_file(), directory) if concerns(directory) else None
        except UserError as error:
            _models[path] = error
    model = _models[path]
    if isinstance(model, UserError):
        raise _refusal(model)
    return model


def _of_host(model: Model, path: str, host: str) -> dict[str, Any]:
    if (path, host) not in _variables:
        try:
            _variables[path, host] = {**host_variables(model, host), "sallyport_policy": str(policy_file())}
        except UserError as error:
            raise _refusal(error) from None
    return _variables[path, host]


def _refusal(error: UserError) -> AnsibleError:
    return AnsibleError(f"the policy or the inventory cannot be used\n{error}")
