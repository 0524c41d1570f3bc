"""Long rulesets of one chain, with few networks, so that the rules overlap."""

from random import Random

from network.prove.syntax.rules import parse_ruleset
from network.prove.syntax.types import Ruleset


def network(random: Random) -> str:
    """Give a random IPv4 network."""
    length = random.choice((8, 16, 20, 24, 24, 24, 28, 32, 32, 32))
    address = random.getrandbits(32) >> (32 - length) << (32 - length)
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0)) + f"/{length}"


def lines(random: Random, number: int) -> list[str]:
    """Give so many rules of the chain FORWARD, each of which accepts or drops."""
    networks = [network(random) for _ in range(max(20, number // 4))]
    found = []
    for _ in range(number):
        words = ["-A FORWARD"]
        if random.random() < 0.7:
            words.append(f"-s {random.choice(networks)}")
        if random.random() < 0.9:
            words.append(f"-d {random.choice(networks)}")
        if random.random() < 0.9:
            protocol = random.choice(("tcp", "tcp", "tcp", "udp"))
            port = random.choice((22, 53, 80, 443, 5432, random.randrange(1024, 65000)))
            last = port + random.choice((0, 0, 0, 0, random.randrange(100)))
            words.append(f"-p {protocol} -m {protocol} --dport {port}" + (f":{last}" if last > port else ""))
        found.append(" ".join([*words, random.choice(("-j ACCEPT", "-j ACCEPT", "-j DROP"))]))
    return found


def read(rules: list[str]) -> Ruleset:
    """Read the rules of a chain FORWARD that drops what none of them decides."""
    return parse_ruleset("\n".join(["*filter", ":FORWARD DROP [0:0]", *rules, "COMMIT"]), 4, "made")
