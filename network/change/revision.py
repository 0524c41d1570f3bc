"""Policy and inventory as a revision of a git repository has them; nothing is checked out."""

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from network.errors import Problem, UserError
from network.model import Model
from network.read import files, model_of


@dataclass(frozen=True)
class Repository:
    """A git checkout. `top` is its topmost directory."""

    top: Path

    def path(self, path: Path) -> str:
        """Give a path inside the checkout, from its top. Raises UserError for one outside."""
        absolute = path.resolve()
        if not absolute.is_relative_to(self.top):
            rule = "a revision holds what lies in the checkout"
            raise UserError(
                Problem(str(path), f"it is outside the checkout {self.top}", rule, "Name a path inside it.")
            )
        return absolute.relative_to(self.top).as_posix()


def repository(path: Path) -> Repository:
    """Find the checkout that holds a file. Raises UserError where there is none, or git is not installed."""
    done = _git(path.resolve().parent, "rev-parse", "--show-toplevel")
    if done.returncode:
        raise UserError(
            Problem(
                files.shown(path),
                f"git says: {_said(done)}",
                "revisions are read from the git checkout that holds the policy",
                "Run it in a checkout; or compare files, with --from-policy or --from-inventory.",
            )
        )
    return Repository(Path(done.stdout.decode().strip()))


def load_revision(revision: str, policy: Path, inventory: Path) -> Model:
    """Read the model as a revision (a commit, branch or tag) has it.

    Raises UserError for a revision that is not there or lacks one of the two, and with every problem seen in them:
    each with revision, file and line.
    """
    checkout = repository(policy)
    commit = _commit(checkout, revision)
    policy_path, place = checkout.path(policy), checkout.path(inventory)
    for path in (policy_path, place):
        if _git(checkout.top, "cat-file", "-e", f"{commit}:{path}").returncode:
            rule = "both revisions have a policy and an inventory"
            remedy = "Name a revision that has it, or another file with --policy or --inventory."
            raise UserError(Problem(f"{revision}:{path}", "there is no such path in this revision", rule, remedy))
    archive = _git(checkout.top, "archive", "--format=tar", commit, "--", policy_path, place)
    if archive.returncode:
        remedy = "Look at the revision with `git show`."
        raise UserError(Problem(revision, f"git says: {_said(archive)}", "git can read the revision", remedy))
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        try:
            with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
                tar.extractall(root, filter="data")
            for path in _unversioned(checkout, place):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes((checkout.top / path).read_bytes())
        except (tarfile.TarError, OSError) as error:
            rule = "policy and inventory are plain files, or links inside the checkout, that can be read"
            remedy = "Look at the revision with `git ls-tree -r`, and put files in the place of such links."
            raise UserError(Problem(f"{revision}:{place}", str(error), rule, remedy)) from None
        try:
            _, content = files.policy(root / policy_path)
            listed = files.inventory(root / place)
        except UserError as error:
            raise UserError(*(_as_of(revision, root, problem) for problem in error.problems)) from None
    return model_of(f"{revision}:{policy_path}", content, f"{revision}:{place}", listed)


def _unversioned(checkout: Repository, place: str) -> list[str]:
    """List the files of an inventory that git ignores: what a machine has found out is the same at every revision."""
    listed = _git(checkout.top, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", place)
    return [path for path in listed.stdout.decode().split("\0") if path]


def _as_of(revision: str, root: Path, problem: Problem) -> Problem:
    """Name the revision where a message names the folder that the files were read from."""
    return Problem(
        problem.where.replace(files.shown(root) + "/", f"{revision}:"), problem.found, problem.rule, problem.remedy
    )


def _commit(checkout: Repository, revision: str) -> str:
    done = _git(checkout.top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode:
        remedy = "Name a commit, a branch or a tag: `git log --oneline` and `git branch -a` list them."
        rule = "a revision is one that this checkout has"
        raise UserError(Problem(revision, "there is no such revision", rule, remedy))
    return done.stdout.decode().strip()


def _git(where: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", str(where), *words], capture_output=True, check=False)
    except FileNotFoundError:
        rule = "revisions are read by git"
        raise UserError(Problem("git", "it is not installed", rule, "Install git, or compare files.")) from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join(done.stderr.decode(errors="replace").split()) or f"exit {done.returncode}"
