"""Makes .venv as uv.lock says. Run by ./sallyport with the machine's own Python: standard library only.

uv is taken at the version and with the hashes of uv.lock, by pip, and so are all the rest by uv: pip's settings (index,
certificates, proxy) hold for both. Nothing is changed outside the checkout, but on Debian and Ubuntu root may get the
package that gives Python its ensurepip.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BOOTSTRAP = ROOT / ".sallyport" / "bootstrap"
LOCK = ROOT / "uv.lock"
LOG = ROOT / ".sallyport" / "environment.log"


class SetupError(Exception):
    """The environment cannot be made; the text says why and what to do."""


def stamp(extra: str) -> Path:
    """Return the copy of the lock file that tells what is installed.

    ``run`` is what every command needs, ``dev`` adds the checks.
    """
    return VENV / f"installed.{extra}.lock"


def ensure(extra: str) -> None:
    """Make or renew .venv. Several may call it at once: they take turns. Raises SetupError."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with (LOG.parent / "environment.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        wanted = LOCK.read_bytes()
        if (VENV / "bin" / "python").exists() and _content(stamp(extra)) == wanted:
            return
        # What has the checks keeps them, so that commands in turn do not take them away and bring them back.
        dev = extra == "dev" or (VENV / "bin" / "pytest").exists()
        LOG.write_bytes(b"")
        _install(dev=dev)
        for name in ("run", "dev") if dev else ("run",):
            stamp(name).write_bytes(wanted)


def pinned(lock: str, name: str) -> str:
    """Return the line of a requirements file that asks for a package as the lock file has it. Raises SetupError."""
    for package in tomllib.loads(lock)["package"]:
        if package["name"] == name:
            files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
            return f"{name}=={package['version']} " + " ".join(f"--hash={item['hash']}" for item in files) + "\n"
    raise SetupError(f"uv.lock does not name {name}")


def uv_settings(pip: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return what uv must be told so that it fetches the way pip would: what the user set for uv itself comes first.

    `pip` is what ``pip config list`` says: ``global.index-url``, ``:env:.cert`` and the like, without quotes.
    """
    said: dict[str, str] = {}
    for key, value in pip.items():
        scope, _, option = key.rpartition(".")
        if scope in ("global", "install", ":env:"):
            said[option] = value
    translated = {
        "UV_DEFAULT_INDEX": said.get("index-url"),
        "UV_INDEX": said.get("extra-index-url"),
        "SSL_CERT_FILE": said.get("cert"),
        "HTTPS_PROXY": said.get("proxy"),
        "HTTP_PROXY": said.get("proxy"),
    }
    rivals = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}
    return {
        name: value
        for name, value in translated.items()
        if value and not any(other in environment for other in (name, name.lower(), rivals.get(name, name)))
    }


def _install(*, dev: bool) -> None:
    _say("setting up .venv from uv.lock (once for each change of it) ...")
    uv = _uv()
    settings = {**uv_settings(_pip_settings(), os.environ), "UV_NO_PROGRESS": "1"}
    settings["UV_PROJECT_ENVIRONMENT"] = str(VENV)
    if not (VENV / "bin" / "python").exists():
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)], settings)
    listed = LOG.parent / "requirements.txt"
    groups = ["--group", "dev"] if dev else ["--no-dev"]
    _run([uv, "export", "--quiet", "--frozen", "--project", str(ROOT), *groups, "--output-file", str(listed)], settings)
    _run(
        [uv, "pip", "sync", "--require-hashes", "--python", str(VENV / "bin" / "python"), str(listed)],
        settings,
        timeout=1800,
    )


def _uv() -> str:
    """Return the path of uv, at the version of the lock file."""
    requirement = pinned(LOCK.read_text(), "uv")
    version = requirement.split()[0].partition("==")[2]
    for candidate in (VENV / "bin" / "uv", BOOTSTRAP / "bin" / "uv"):
        if candidate.exists() and _says(candidate).split()[1:2] == [version]:
            return str(candidate)
    pip = _pip()
    asked = LOG.parent / "uv-requirement.txt"
    asked.write_text(requirement)
    _run([*pip, "install", "--quiet", "--require-hashes", "--only-binary=:all:", "-r", str(asked)])
    return str(BOOTSTRAP / "bin" / "uv")


def _pip() -> list[str]:
    """Return a pip that installs into the bootstrap environment."""
    python = BOOTSTRAP / "bin" / "python"
    if _works([str(python), "-m", "pip", "--version"]):
        return [str(python), "-m", "pip"]
    shutil.rmtree(BOOTSTRAP, ignore_errors=True)
    make = [sys.executable, "-m", "venv", str(BOOTSTRAP)]
    if _works(make):
        return [str(python), "-m", "pip"]
    # Debian keeps ensurepip in a package of its own. A pip of the machine's does as well.
    bare = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(BOOTSTRAP)]
    if _works([sys.executable, "-m", "pip", "--version"]) and _works(bare):
        return [sys.executable, "-m", "pip", "--python", str(python)]
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _say(f"installing {package} with apt ...")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-qy", "--no-install-recommends", package]
        if not _works(install, quiet):
            _run(["apt-get", "update", "-q"], quiet)
            _run(install, quiet)
        _run([*make, "--clear"])
        return [str(python), "-m", "pip"]
    raise SetupError(
        f"Python's venv lacks pip here: install {package} (Debian, Ubuntu: sudo apt-get install {package})"
    )


def _pip_settings() -> dict[str, str]:
    for python in (BOOTSTRAP / "bin" / "python", VENV / "bin" / "python", Path(sys.executable)):
        if not python.exists():
            continue
        done = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            pairs = (line.partition("=") for line in done.stdout.splitlines())
            return {name: value.strip("'\"") for name, sign, value in pairs if sign}
    return {}


def _run(command: Sequence[str], settings: Mapping[str, str] | None = None, timeout: float = 600) -> None:
    with LOG.open("ab") as sink:
        try:
            code = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env={**os.environ, **(settings or {})},
                timeout=timeout,
                cwd=ROOT,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise SetupError(f"{Path(command[0]).name}: no end after {timeout:.0f} s; log: {LOG}") from error
    if code:
        said = [line.strip() for line in LOG.read_text(errors="replace").splitlines() if line.strip()]
        raise SetupError(f"{Path(command[0]).name} failed: {' | '.join(said[-4:])}\n  log: {LOG}")


def _works(command: Sequence[str], settings: Mapping[str, str] | None = None) -> bool:
    try:
        _run(command, settings)
    except (SetupError, FileNotFoundError):
        return False
    return True


def _says(program: Path) -> str:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _say(text: str) -> None:
    sys.stderr.write(f"sallyport: {text}\n")


if __name__ == "__main__":
    try:
        ensure(sys.argv[1])
    except SetupError as failed:
        _say(str(failed))
        sys.exit(2)
    except KeyboardInterrupt:
        _say("interrupted; the same command carries on")
        sys.exit(130)
