"""The programs of the distribution that the checks run against, and how they come onto the machine."""

import os
import shutil
import subprocess
from pathlib import Path

from network.errors import Problem, UserError

# package: a file that shows it is there. Real servers, never stand-ins: the tests start them on loopback.
PACKAGES = {
    "nginx-light": "/usr/sbin/nginx",
    "postgresql-15": "/usr/lib/postgresql/15/bin/initdb",
    "iptables": "/usr/sbin/iptables-restore",
    "ipset": "/usr/sbin/ipset",
    "iproute2": "/usr/sbin/ip",
    "ruby": "/usr/bin/ruby",
    "openssl": "/usr/bin/openssl",
    "rabbitmq-server": "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "redis-server": "/usr/bin/redis-server",
    "openjdk-17-jre-headless": "/usr/bin/java",
    "maven": "/usr/bin/mvn",
    "prometheus": "/usr/bin/promtool",
    "chromium": "/usr/bin/chromium",
    "libnss3-tools": "/usr/bin/certutil",
    "nodejs": "/usr/bin/node",
}


def missing() -> list[str]:
    """Return the packages that are not there yet."""
    return [package for package, proof in PACKAGES.items() if not Path(proof).exists()]


def install(packages: list[str], log: Path) -> None:
    """Install packages with apt, without starting any server.

    Raises UserError where this user may not, or where apt fails.
    """
    if not packages:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise UserError(
            Problem(
                "this machine",
                f"missing programs: {', '.join(packages)}",
                "the checks run against the real servers",
                f"install them (Debian, Ubuntu: sudo apt-get install {' '.join(packages)})",
            )
        )
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        for command in (
            ["apt-get", "update", "-q"],
            ["apt-get", "install", "-qy", "--no-install-recommends", *packages],
        ):
            if subprocess.run(command, env=environment, stdout=sink, stderr=subprocess.STDOUT, check=False).returncode:
                tail = " ".join(log.read_text(errors="replace").splitlines()[-3:])
                raise UserError(Problem(str(log), tail, "apt must install the programs the checks need", "see the log"))
