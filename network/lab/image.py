"""The base image: Debian 12 with systemd and what every role expects, and nothing of any one host.

Its tag is a digest of its recipe (the folder ``image/``), so it is made again only when the recipe changes. It is made
from the registry's Debian where one answers, else with mmdebstrap; either way it ends up with the same content.
"""

import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
import threading
from pathlib import Path

from network.errors import Problem, UserError
from network.lab import docker, engine, program
from network.lab.blueprint import LABEL
from network.lab.progress import Progress
from network.lab.sources import Source, of_distribution, one_line, parse

RELEASE = "bookworm"
RECIPE = Path(__file__).parent / "image"
REPOSITORY = "sallyport-base"

_FIRST_ANSWER_SECONDS = 15
_PULL_SECONDS = 300
_BUILD_SECONDS = 900
_BUILDER = "sallyport-image"


def tag(recipe: Path = RECIPE) -> str:
    """Return the image's name: a digest of every file of the recipe, its name and its permissions."""
    digest = hashlib.sha256()
    for path in sorted(recipe.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        executable = not path.is_symlink() and bool(path.stat().st_mode & 0o100)
        digest.update(f"{path.relative_to(recipe)}\0{executable}\0{len(content)}\0".encode() + content)
    return f"{REPOSITORY}:{digest.hexdigest()[:12]}"


def ensure(log: Path, progress: Progress) -> str:
    """Return the image's name; make it first where the engine has none. Raises UserError."""
    name = tag()
    if docker.command("image", "ls", "-q", name, doing="look for the base image").strip():
        progress(name, "is there")
        return name
    log.parent.mkdir(parents=True, exist_ok=True)
    if _pulled(f"debian:{RELEASE}", log):
        progress(name, f"building on the registry's debian:{RELEASE}")
        _build_from_registry(name, log)
    else:
        _mmdebstrap_present(log, progress)
        progress(name, "no registry answers: building with mmdebstrap")
        _build_from_mirror(name, log)
    progress(name, "built")
    return name


def present() -> list[str]:
    """Return the base images the engine has, of any recipe. Raises UserError."""
    return docker.command(
        "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", REPOSITORY, doing="list images"
    ).split()


def machine_sources() -> list[Source]:
    """Return the apt sources of this machine, if it is of the image's own release; otherwise nothing."""
    release = engine.os_release()
    if release.get("ID") != "debian" or release.get("VERSION_CODENAME") != RELEASE:
        return []
    folder = Path("/etc/apt/sources.list.d")
    files = [Path("/etc/apt/sources.list"), *sorted(folder.glob("*.list")), *sorted(folder.glob("*.sources"))]
    found = [
        source
        for path in files
        if path.is_file()
        for source in parse(path.read_text(), deb822=path.suffix == ".sources")
    ]
    return of_distribution(found, RELEASE)


def image_sources(name: str) -> list[Source]:
    """Return the apt sources inside the image. Raises UserError."""
    text = docker.command(
        "run", "--rm", "--network", "none", "--label", LABEL, "--entrypoint", "sh", name, "-euc",
        'cd /etc/apt; for f in sources.list sources.list.d/*; do [ ! -f "$f" ] || { echo "#file $f"; cat "$f"; }; done',
        doing="read the image's apt sources",
    )  # fmt: skip
    sources: list[Source] = []
    for part in text.split("#file ")[1:]:
        path, _, content = part.partition("\n")
        sources += parse(content, deb822=path.endswith(".sources"))
    return sources


def _pulled(reference: str, log: Path) -> bool:
    """Whether a registry gives the image. Gives up early when none answers at all."""
    with log.open("ab") as sink:
        process = subprocess.Popen((docker.CLIENT, "pull", reference), stdout=subprocess.PIPE, stderr=sink)
        answered = threading.Event()
        silence = threading.Timer(_FIRST_ANSWER_SECONDS, lambda: None if answered.is_set() else process.kill())
        limit = threading.Timer(_PULL_SECONDS, process.kill)
        silence.start()
        limit.start()
        try:
            for line in process.stdout or ():
                answered.set()
                sink.write(line)
            return process.wait() == 0
        finally:
            silence.cancel()
            limit.cancel()
            process.kill()
            process.wait()


def _build_from_registry(name: str, log: Path) -> None:
    """Install into a container and commit it: needs no build plug-in, and the machine's own way to the archive."""
    docker.remove_strays(f"name=^/{_BUILDER}$")
    script = (
        "tar -x -C / -f -\n"
        # The registry's image throws package lists and caches away after every call.
        "rm -f /etc/apt/apt.conf.d/docker-*\n"
        "apt-get update -q\n"
        "DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $(cat /packages)\n"
        "sh -eu /setup\n"
        "rm /packages /setup\n"
    )
    with tempfile.TemporaryFile() as packed, log.open("ab") as sink:
        packed.write(archive())
        packed.seek(0)
        try:
            done = subprocess.run(
                (docker.CLIENT, "run", "-i", "--name", _BUILDER, "--network", "host", "--label", LABEL,
                 f"debian:{RELEASE}", "sh", "-euc", script),
                stdin=packed, stdout=sink, stderr=subprocess.STDOUT, timeout=_BUILD_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise program.failure("build the base image", str(log), f"no end after {_BUILD_SECONDS} s") from error
        finally:
            sink.flush()
    if done.returncode:
        raise program.failure("build the base image", str(log), program.tail(log.read_text(errors="replace")))
    docker.command(
        "commit", "--change", 'CMD ["/sbin/init"]', _BUILDER, name,
        doing="keep the base image", timeout=300,
    )  # fmt: skip
    docker.remove_strays(f"name=^/{_BUILDER}$")


def _build_from_mirror(name: str, log: Path) -> None:
    packages = ",".join((RECIPE / "packages").read_text().split())
    sources = "".join(f"{one_line(source)}\n" for source in machine_sources())
    with tempfile.TemporaryDirectory(prefix="sallyport-image-") as folder:
        # Hooks run in the new root's own world, where the checkout may not be readable: hand the recipe over as a file.
        recipe = Path(folder) / "recipe.tar"
        recipe.write_bytes(archive())
        root_file = Path(folder) / "root.tar"
        program.run(
            (
                "mmdebstrap", "--mode=auto", "--variant=minbase", f"--include={packages}",
                "--skip=cleanup/apt/lists,cleanup/apt/cache", f"--setup-hook=tar-in {recipe} /",
                '--customize-hook=chroot "$1" sh -eu /setup',
                '--customize-hook=rm "$1/packages" "$1/setup"',
                RELEASE, str(root_file), *(["-"] if sources else []),
            ),
            doing="build the base image",
            stdin=sources or None,
            timeout=_BUILD_SECONDS,
            log=log,
        )  # fmt: skip
        docker.command(
            "import", "--change", 'CMD ["/sbin/init"]', str(root_file), name, doing="import the base image", timeout=300
        )


def _mmdebstrap_present(log: Path, progress: Progress) -> None:
    if shutil.which("mmdebstrap"):
        return
    if not engine.may_install():
        raise UserError(
            Problem(
                "the base image",
                f"no registry gives debian:{RELEASE}, and mmdebstrap is not installed",
                "the lab's hosts are made from Debian 12",
                "let the engine reach a registry, or install mmdebstrap (sudo apt-get install mmdebstrap)",
            )
        )
    engine.install(["mmdebstrap"], log, progress)


def archive() -> bytes:
    """Return the recipe as a tar archive whose files belong to root: the image's files, the package list and setup."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, name in ((RECIPE / "files", "."), (RECIPE / "packages", "packages"), (RECIPE / "setup", "setup")):
            archive.add(path, name, filter=_owned_by_root)
    return buffer.getvalue()


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    # A checkout keeps only one permission bit: whether a file may be executed.
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member
