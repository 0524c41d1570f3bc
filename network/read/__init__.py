"""Reading of the policy and the inventory: files to trees with marks, trees to a model, every slip refused."""

from collections.abc import Mapping
from pathlib import Path

from network.errors import Problem, UserError
from network.model import Model
from network.read import files, inventory, policy
from network.read.files import concerns
from network.read.join import join
from network.read.shape import Shape
from network.read.tree import parse

__all__ = ["concerns", "load", "model_of"]


def load(policy: Path, inventory: Path) -> Model:
    """Read the policy and an inventory directory, such as inventory/lab.

    Raises UserError with every problem seen, each with file and line.
    """
    name, content = files.policy(policy)
    return model_of(name, content, files.shown(inventory), files.inventory(inventory))


def model_of(policy_name: str, policy_content: bytes, place: str, inventory_files: Mapping[str, bytes]) -> Model:
    """Make the model of a policy and of an inventory's files, by their path inside the directory `place`. Pure.

    Raises UserError with every problem seen, each with file and line.
    """
    shape = Shape()
    tree = None
    try:
        tree = parse(policy_content, policy_name)
    except UserError as error:
        shape.problems += error.problems
    hosts = inventory.read(place, inventory_files, shape)
    rules = policy.read(tree, shape) if tree is not None else None
    if rules is None or not (rules.zones and rules.services and hosts.hosts and hosts.readable):
        # Without one of them, nearly every name would be reported as unknown.
        raise UserError(*sorted(shape.problems, key=_place))
    model = join(rules, hosts, shape)
    if shape.problems:
        raise UserError(*sorted(shape.problems, key=_place))
    return model


def _place(problem: Problem) -> tuple[str, int]:
    """Order problems as a reader meets them: by file, then by line."""
    file, _, line = problem.where.rpartition(":")
    return (file, int(line)) if line.isdigit() else (problem.where, 0)
