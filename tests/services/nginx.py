"""A real nginx with the compiled configuration of the lab's web host, all but its addresses, its files and its rate."""

import getpass
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.certificates import Certificates
from tests.services.ports import free_port
from tests.services.processes import eventually

# What a test of the compiler compares with the compiled one.
COMPILED = Path(__file__).parents[1] / "unit/nginx/web1.lab.conf"


@contextmanager
def before(
    folder: Path, certificates: Certificates, port: int, application: int, *, rate: int = 5000
) -> Iterator[None]:
    """Run nginx on a port before an application on another one, while the block runs.

    rate: requests a second that it lets one address have; all the tests are one visitor.
    """
    (folder / "callback-token.map").touch()
    text = COMPILED.read_text("utf-8")
    for compiled, here in (
        ("192.168.57.10:443", f"127.0.0.1:{port}"),
        ("192.168.57.10:80", f"127.0.0.1:{free_port()}"),
        ("192.168.57.10:8444", f"127.0.0.1:{free_port()}"),
        ("127.0.0.1:8000", f"127.0.0.1:{application}"),
        ("/etc/sallyport/pki/host.pem", str(certificates.certificate)),
        ("/etc/sallyport/pki/host.key", str(certificates.key)),
        ("/etc/sallyport/nginx", str(folder)),
        ("/var/lib/nginx", str(folder)),
        ("/run/nginx.pid", str(folder / "pid")),
        ("user www-data", f"user {getpass.getuser()}"),
        ("rate=50r/s", f"rate={rate}r/s"),
        ("syslog:server=unix:/dev/log,tag=nginx,nohostname", str(folder / "log")),
    ):
        assert compiled in text
        text = re.sub(re.escape(compiled) + r"\b", here, text)
    (folder / "nginx.conf").write_text(text, "utf-8")
    arguments = ["-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log")]
    with subprocess.Popen(["/usr/sbin/nginx", *arguments, "-g", "daemon off;"]) as process:
        try:

            def listening() -> bool:
                assert process.poll() is None, (folder / "error.log").read_text("utf-8")
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", port)) == 0

            eventually(listening, what="nginx")
            yield
        finally:
            process.terminate()
