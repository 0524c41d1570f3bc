"""Resolve Kafka's jars on the control node, check their sums, and pack them for the host that has no egress.

Maven reads `pom.xml` beside this file and fetches the way it is set up on this machine. Every jar must be in
`jars.sha256` with its sum, and none may be missing. The archive's name is the digest of that list, so what is there
already is not resolved again.

Prints one line of JSON: id, archive (absolute path), changed. Standard library only.
"""

import argparse
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUMS = HERE / "jars.sha256"


class FetchError(Exception):
    """Why there are no jars, and what to do."""


def listed(text: str) -> dict[str, str]:
    """Return the sums by file name, as sha256sum writes them."""
    pairs = (line.split() for line in text.splitlines() if line.strip())
    return {name: total for total, name in pairs}


def differences(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Say how the resolved jars differ from the list."""
    return [
        *(f"{name} is not in the list" for name in sorted(found.keys() - wanted.keys())),
        *(f"{name} is missing" for name in sorted(wanted.keys() - found.keys())),
        *(f"{name} has another sum" for name in sorted(wanted.keys() & found.keys()) if wanted[name] != found[name]),
    ]


def resolve(into: Path) -> dict[str, str]:
    """Have Maven copy the jars into a folder; return their sums by name. Raises FetchError."""
    maven = shutil.which("mvn")
    if maven is None:
        raise FetchError("Maven is missing on the control node: install it (Debian, Ubuntu: apt-get install maven)")
    # A copy, so that nothing is ever written beside the file that is in version control.
    shutil.copy(HERE / "pom.xml", into / "pom.xml")
    command = [
        maven,
        "-B",
        "-q",
        "-f",
        str(into / "pom.xml"),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={into}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
        raise FetchError(f"Maven could not resolve {HERE / 'pom.xml'}: {' '.join(said[:2]) or 'it said nothing'}")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(into.glob("*.jar"))}


def pack(folder: Path, names: list[str], archive: Path) -> None:
    """Write the jars into one archive, the same bytes for the same jars."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = (folder / name).stat().st_size
            entry.mode = 0o644
            with (folder / name).open("rb") as content:
                tar.addfile(entry, content)
    unfinished = archive.with_suffix(".part")
    unfinished.write_bytes(buffer.getvalue())
    unfinished.rename(archive)


def fetch(into: Path, *, id_only: bool) -> dict[str, object]:
    """Return what is printed. Raises FetchError."""
    identity = hashlib.sha256(SUMS.read_bytes()).hexdigest()[:12]
    archive = into.resolve() / f"kafka-{identity}.tar.gz"
    if archive.exists() or id_only:
        return {"id": identity, "archive": str(archive), "changed": False}
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        found = resolve(Path(folder))
        if faults := differences(listed(SUMS.read_text()), found):
            raise FetchError(f"the jars are not those of {SUMS}: {'; '.join(faults[:5])}. Nothing was kept")
        pack(Path(folder), sorted(found), archive)
    return {"id": identity, "archive": str(archive), "changed": True}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=Path(), help="folder of the archive")
    parser.add_argument("--id-only", action="store_true", help="name the archive, make none")
    parser.add_argument("--write", action="store_true", help="write the list anew from what Maven resolves now")
    arguments = parser.parse_args()
    try:
        if arguments.write:
            with tempfile.TemporaryDirectory() as folder:
                found = resolve(Path(folder))
            SUMS.write_text("".join(f"{total}  {name}\n" for name, total in found.items()))
            return 0
        sys.stdout.write(json.dumps(fetch(arguments.into, id_only=arguments.id_only)) + "\n")
    except FetchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
