"""What a host is asked, in one call: everything that decides the fate of packets there, read as it is loaded.

The answer is kept as text, section by section, so that a saved answer is exactly what the host said, and a rule's line
in a message is its line in that file. Reading it is `network.prove.fleet.snapshot`.
"""

import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from network.errors import Problem, UserError

SUFFIX = ".snapshot"
"""How the file of one host's answer ends."""

SCRIPT = r"""
LC_ALL=C; PATH=/usr/sbin:/usr/bin:/sbin:/bin; export LC_ALL PATH
section() { name=$1; shift; echo "=== $name"; "$@" 2>&1; echo "=== exit $? $name"; }
kernel() {
  cd /proc/sys/net || exit
  grep -H . ipv4/ip_forward ipv4/conf/*/forwarding ipv4/conf/*/rp_filter ipv4/conf/*/accept_local \
    ipv4/conf/*/route_localnet ipv4/conf/*/accept_source_route ipv4/conf/*/bc_forwarding ipv4/conf/*/mc_forwarding \
    ipv6/conf/*/forwarding ipv6/conf/*/disable_ipv6 ipv6/conf/*/accept_source_route ipv6/conf/*/mc_forwarding \
    ipv6/conf/*/force_forwarding netfilter/nf_conntrack_helper 2>/dev/null
  true
}
legacy() { cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null; true; }
native() { if command -v nft >/dev/null; then nft list tables; else echo absent; fi; }
sets() { if command -v ipset >/dev/null; then ipset save; fi; }
identity() { uname -n; date +%s; uname -sr; }
section identity identity
section rules.v4 iptables-save -c
section rules.v6 ip6tables-save -c
section sets sets
section legacy legacy
section nft native
section addresses ip -j address
section routes.v4 ip -j -4 route show table all
section routes.v6 ip -j -6 route show table all
section rule.v4 ip -j -4 rule
section rule.v6 ip -j -6 rule
section kernel kernel
"""
"""Run by a POSIX shell as root. Every section ends with its command's exit code, so that a cut is seen."""

_SECONDS = 60
_AT_ONCE = 16


def gather(hosts: Iterable[str], ssh_config: Path) -> tuple[dict[str, str], list[Problem]]:
    """Ask all hosts at once. Give each one's answer, and a problem for each that did not answer."""
    names = list(hosts)
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        answers = list(pool.map(lambda host: _ask(host, ssh_config), names))
    texts = {host: answer for host, answer in zip(names, answers, strict=True) if isinstance(answer, str)}
    return texts, [answer for answer in answers if isinstance(answer, Problem)]


def _ask(host: str, ssh_config: Path) -> str | Problem:
    command = ["ssh", "-F", str(ssh_config), "-o", "BatchMode=yes", host, "sudo -n sh -s"]
    try:
        done = subprocess.run(
            command, input=SCRIPT, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return _silent(host, f"no answer within {_SECONDS} s")
    except FileNotFoundError:
        return _silent(host, "there is no ssh on this machine")
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        return _silent(host, f"ssh ended with {done.returncode}: {said[-300:]}")
    return done.stdout


def _silent(host: str, found: str) -> Problem:
    return Problem(
        host,
        found,
        "every host of the fleet must be asked: nothing is proved on partial knowledge",
        f"make `ssh -F … {host}` work, or prove from saved answers with --offline",
    )


def save(texts: Mapping[str, str], directory: Path) -> None:
    """Write each host's answer to a file of its own, as `read` reads it."""
    directory.mkdir(parents=True, exist_ok=True)
    for host, text in texts.items():
        (directory / f"{host}{SUFFIX}").write_text(text)


def read(directory: Path) -> dict[str, str]:
    """Read the saved answers of a directory. Raises UserError with the files that cannot be read."""
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        try:
            texts[path.name.removesuffix(SUFFIX)] = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            problems.append(
                Problem(
                    str(path),
                    str(error),
                    "a saved answer is text, as the host gave it",
                    "gather it again with `sallyport prove --save DIR`",
                )
            )
    if problems:
        raise UserError(*problems)
    return texts
