"""Build the wheelhouse of the services on the control node: everything a host without egress needs to install them.

The result is one archive, `<id>.tar.gz`, holding the wheels of every locked dependency for the hosts' Python, our own
wheel (built reproducibly), `requirements.txt` with a SHA-256 for each, and the `uv` that installs them. `id` names the
content (lock file, source, target): the same source gives the same id, and an archive that is there is not built again.

Prints one line of JSON: id, archive (absolute path), changed.
"""

import argparse
import fcntl
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

# What lies in the source tree without being source.
IGNORED = {".venv", "dist", "build", "__pycache__"}
# A wheel is a zip, whose clock starts in 1980; the date itself means nothing.
SOURCE_DATE_EPOCH = "1577836800"
FORMAT = "1"


@dataclass(frozen=True)
class Target:
    """The hosts' Python: version ("3.11"), machine ("x86_64") and the minor version of glibc 2 (36 in Debian 12)."""

    python: str
    machine: str
    glibc: int

    def platforms(self) -> list[str]:
        """Return the wheel platforms that run there, best first (PEP 600)."""
        return [
            *(f"manylinux_2_{minor}_{self.machine}" for minor in range(self.glibc, 16, -1)),
            f"manylinux2014_{self.machine}",
            f"linux_{self.machine}",
        ]

    def markers(self) -> dict[str, str]:
        """Return the environment in which markers are evaluated (PEP 508)."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }


def source_files(services: Path) -> Iterator[Path]:
    """Yield the files of the source tree, sorted."""
    for path in sorted(services.rglob("*")):
        parts = path.relative_to(services).parts
        if path.is_file() and not any(part in IGNORED or part.endswith("_cache") for part in parts):
            yield path


def digest(pieces: Iterable[bytes]) -> str:
    """Return twelve hexadecimal digits that name these pieces, their order and their lengths."""
    total = hashlib.sha256()
    for piece in pieces:
        total.update(len(piece).to_bytes(8, "big"))
        total.update(piece)
    return total.hexdigest()[:12]


def target_pieces(target: Target) -> list[bytes]:
    return [FORMAT.encode(), target.python.encode(), target.machine.encode(), str(target.glibc).encode()]


def release_id(services: Path, target: Target) -> str:
    """Return the id of the release: lock file, source and target."""
    pieces = target_pieces(target)
    for path in source_files(services):
        pieces += [str(path.relative_to(services)).encode(), path.read_bytes()]
    return digest(pieces)


def for_target(exported: str, target: Target) -> str:
    """Keep of an exported requirements file what the target needs.

    `pip download` evaluates markers for the Python it runs on, so they are evaluated here, for the target's.
    """
    kept = []
    for line in exported.replace("\\\n", " ").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        head, *hashes = line.split(" --hash=")
        requirement = Requirement(head.strip())
        if requirement.marker is None or requirement.marker.evaluate(dict(target.markers())):
            pinned = f"{requirement.name}{requirement.specifier}"
            kept.append(" ".join([pinned, *(f"--hash={digits.strip()}" for digits in hashes)]))
    return "\n".join(kept) + "\n"


def run(*command: str, **extra: str) -> str:
    """Run a command and return what it printed; what it says about itself goes to standard error."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **extra})
    return done.stdout


def export(services: Path, uv: Path, *selection: str) -> str:
    """Return what the lock file holds, as a requirements file with hashes."""
    return run(
        str(uv), "export", "--quiet", "--frozen", "--no-header", "--no-annotate", "--format", "requirements-txt",
        "--project", str(services), *selection,
    )  # fmt: skip


def dependencies(services: Path, uv: Path, target: Target, wheelhouse: Path) -> Path:
    """Return a folder with the wheels of all locked dependencies; they are fetched once for each lock file."""
    folder = wheelhouse / f"dependencies-{digest([*target_pieces(target), (services / 'uv.lock').read_bytes()])}"
    if folder.is_dir():
        return folder
    exported = export(services, uv, "--no-dev", "--no-emit-project")
    with tempfile.TemporaryDirectory(dir=wheelhouse) as made:
        staged = Path(made) / "dependencies"
        staged.mkdir()
        requirements = staged / "requirements.txt"
        requirements.write_text(for_target(exported, target))
        platforms = [argument for platform in target.platforms() for argument in ("--platform", platform)]
        tag = target.python.replace(".", "")
        run(
            sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps", "--only-binary=:all:",
            "--implementation", "cp", "--python-version", target.python, "--abi", f"cp{tag}", "--abi", "abi3",
            "--abi", "none", *platforms, "--dest", str(staged), "--requirement", str(requirements),
        )  # fmt: skip
        staged.rename(folder)
    return folder


def own_wheel(services: Path, uv: Path, into: Path) -> Path:
    """Build our own wheel, the same bytes for the same source, with the build tools of the lock file's group `dev`."""
    locked = into / "build.txt"
    locked.write_text(export(services, uv, "--only-group", "dev"))
    run(
        str(uv), "build", "--quiet", "--wheel", "--require-hashes", "--build-constraints", str(locked),
        "--out-dir", str(into), str(services), SOURCE_DATE_EPOCH=SOURCE_DATE_EPOCH,
    )  # fmt: skip
    (wheel,) = into.glob("*.whl")
    return wheel


def requirement_of(wheel: Path) -> str:
    """Return the line of a requirements file that demands exactly this wheel."""
    name, version, *_ = wheel.name.split("-")
    return f"{name.replace('_', '-')}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def pack(archive: Path, members: dict[str, Path | bytes]) -> None:
    """Write a tar archive whose bytes depend on nothing but its members."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as tar,
    ):
        for name, content in sorted(members.items()):
            body = content if isinstance(content, bytes) else content.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            entry.mode = 0o755 if name == "uv" else 0o644
            tar.addfile(entry, io.BytesIO(body))


def build(services: Path, uv: Path, target: Target, wheelhouse: Path, release: str) -> Path:
    """Build the archive of a release and return its path. Interrupted, it leaves nothing that looks finished."""
    locked = dependencies(services, uv, target, wheelhouse)
    with tempfile.TemporaryDirectory(dir=wheelhouse) as made:
        folder = Path(made)
        wheel = own_wheel(services, uv, folder)
        members: dict[str, Path | bytes] = {f"wheels/{path.name}": path for path in [*locked.glob("*.whl"), wheel]}
        members["requirements.txt"] = ((locked / "requirements.txt").read_text() + requirement_of(wheel)).encode()
        members["uv"] = uv
        staged = folder / "archive"
        pack(staged, members)
        return staged.rename(wheelhouse / f"{release}.tar.gz")


def forget_old(wheelhouse: Path, keep: int) -> None:
    """Keep the newest archives and the newest set of dependencies."""
    for pattern, count in (("*.tar.gz", keep), ("dependencies-*", 2)):
        for path in sorted(wheelhouse.glob(pattern), key=lambda found: found.stat().st_mtime, reverse=True)[count:]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=Path, required=True, help="source tree with pyproject.toml and uv.lock")
    parser.add_argument("--into", type=Path, required=True, help="folder of the archives")
    parser.add_argument("--python", default="3.11", help="the hosts' Python")
    parser.add_argument("--machine", default="x86_64", help="the hosts' architecture, as `uname -m` prints it")
    parser.add_argument("--glibc", type=int, default=36, help="minor version of the hosts' glibc 2")
    parser.add_argument("--keep", type=int, default=5, help="how many archives stay")
    parser.add_argument(
        "--id-only", action="store_true", help="only tell what the id is, and whether it would be built"
    )
    given = parser.parse_args()

    services, wheelhouse = given.services.resolve(), given.into.resolve()
    uv = Path(sys.executable).with_name("uv")
    if os.uname().machine != given.machine or not sys.platform.startswith("linux"):
        sys.stderr.write(
            f"the control node's uv does not run on {given.machine} Linux: use a control node that is one\n"
        )
        return 1
    target = Target(given.python, given.machine, given.glibc)
    release = release_id(services, target)
    archive = wheelhouse / f"{release}.tar.gz"
    changed = not archive.is_file()
    if changed and not given.id_only:
        wheelhouse.mkdir(parents=True, exist_ok=True)
        # Two runs at once take turns; the second finds it built.
        with (wheelhouse / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                if not archive.is_file():
                    build(services, uv, target, wheelhouse, release)
            except subprocess.CalledProcessError as failure:
                sys.stderr.write(f"{' '.join(failure.cmd[:4])} … ended with {failure.returncode}\n")
                return 1
            forget_old(wheelhouse, given.keep)
    sys.stdout.write(json.dumps({"id": release, "archive": str(archive), "changed": changed}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
