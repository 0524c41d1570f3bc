"""The host's firewall loader: what it decides, without a kernel."""

import pytest

from tests.unit.deployed import deployed

loader = deployed("roles/firewall/files/sallyport_firewall.py")

SETS = loader.parse_sets("create g-bastion-v4 hash:ip family inet\nadd g-bastion-v4 192.168.61.10\n")
FILTER = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
:in-mgmt - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -m comment --comment "deny:invalid" -j DROP
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -s 192.168.61.0/24 -j in-mgmt
{input}
-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
{mgmt}
COMMIT
"""
SSH = (
    "-A in-mgmt -p tcp -m tcp --dport 22 -m set --match-set g-bastion-v4 src -m conntrack --ctstate NEW"
    ' -m comment --comment "flow:fleet-ssh" -j ACCEPT'
)


def verdict(*, input_rule: str = "", mgmt: str = SSH, source: str = "192.168.61.10") -> str:
    packet = loader.Packet(source, 40000, "192.168.57.10", 22, "NEW")
    return str(loader.verdict(FILTER.format(input=input_rule, mgmt=mgmt), SETS, "INPUT", packet))


def test_the_flow_of_the_jump_host_is_seen() -> None:
    assert verdict() == "accept"


@pytest.mark.parametrize(
    "rule",
    [
        "",
        SSH.replace("--dport 22", "--dport 23"),
        SSH.replace("--dport 22", "--dport 23:65535"),
        SSH.replace(" -m set --match-set", " -m set ! --match-set"),
        SSH.replace("-p tcp -m tcp", "-p udp -m udp"),
        SSH.replace("--ctstate NEW", "--ctstate ESTABLISHED"),
        f"-A in-mgmt -j RETURN\n{SSH}",
        f"-A in-mgmt -p tcp -j REJECT\n{SSH}",
    ],
)
def test_a_lockout_is_seen(rule: str) -> None:
    assert verdict(mgmt=rule) == "deny"


def test_another_source_is_not_let_in() -> None:
    assert verdict(source="192.168.61.11") == "deny"


def test_what_cannot_be_told_is_a_doubt() -> None:
    assert verdict(mgmt=SSH.replace("-j ACCEPT", "-m recent --name x --rcheck -j ACCEPT")) == "doubt"
    assert verdict(mgmt=f"-A in-mgmt -m time --timestart 08:00 -j DROP\n{SSH}") == "doubt"


def test_a_doubtful_accept_before_a_sure_one_is_no_doubt() -> None:
    assert verdict(mgmt=f"-A in-mgmt -m time --timestart 08:00 -j ACCEPT\n{SSH}") == "accept"


def test_logging_and_rate_limited_rules_that_only_log_decide_nothing() -> None:
    assert verdict(mgmt=f"-A in-mgmt -m hashlimit --hashlimit-upto 5/sec -j NFLOG --nflog-group 1\n{SSH}") == "accept"


def test_sets_are_filled_aside_and_swapped_in() -> None:
    live = "create a hash:ip family inet hashsize 1024\nadd a 1.1.1.1\ncreate old hash:ip family inet\n"
    script, clashing, stale = loader.swap_script(live, "create a hash:ip family inet\nadd a 2.2.2.2\n")
    verbs = [line.split()[0] for line in script.splitlines()]
    assert (verbs, clashing, stale) == (["create", "add", "swap", "destroy"], [], ["old"])
    assert len(script.split()[1]) <= 31


def test_a_new_set_is_renamed_and_one_of_another_kind_goes_first() -> None:
    live = "create b hash:ip family inet\n"
    script, clashing, _ = loader.swap_script(live, "create a hash:ip\ncreate b hash:net family inet\n")
    assert script.count("rename") == 2
    assert clashing == ["b"]


def test_a_set_left_half_filled_by_an_interrupted_load_is_removed() -> None:
    script, _, _ = loader.swap_script("", "create a hash:ip\n")
    left = script.split()[1]
    again, _, stale = loader.swap_script(f"create {left} hash:ip family inet\n", "create a hash:ip\n")
    assert again.splitlines()[0] == f"destroy {left}"
    assert stale == []


@pytest.mark.parametrize("line", ["flush a", "add unknown 1.1.1.1", "create a", "destroy a"])
def test_sets_hold_nothing_but_create_and_add(line: str) -> None:
    with pytest.raises(loader.FirewallError, match="only 'create"):
        loader.parse_sets(line)


def test_tables_that_the_rules_do_not_speak_of_are_emptied() -> None:
    complete = loader.complete("*filter\n:INPUT DROP [0:0]\nCOMMIT\n")
    assert [line for line in complete.splitlines() if line.startswith("*")] == ["*filter", "*raw", "*mangle", "*nat"]


def test_rules_without_a_filter_table_are_refused() -> None:
    with pytest.raises(loader.FirewallError, match="no filter table"):
        loader.complete("*nat\nCOMMIT\n")


def test_counters_comments_and_seeds_make_no_difference() -> None:
    first = loader.Rules("# a\n:INPUT DROP [1:2]\n", "", "create a hash:ip initval 0x1\nadd a 1.1.1.1\nadd a 2.2.2.2\n")
    second = loader.Rules(
        "# b\n:INPUT DROP [3:4]\n", "", "create a hash:ip initval 0x2\nadd a 2.2.2.2\nadd a 1.1.1.1\n"
    )
    assert loader.canonical(first) == loader.canonical(second)


def test_a_connection_begins_with_syn_alone() -> None:
    strict = '-A in-mgmt -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m comment --comment "deny:invalid" -j DROP'
    assert verdict(mgmt=f"{strict}\n{SSH}") == "accept"
    assert verdict(mgmt=f"{strict.replace('! ', '')}\n{SSH}") == "deny"


def test_nothing_new_passes_between_the_first_load_and_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, str]] = []

    def run(command: list[str], given: str | None = None) -> str:
        done.append((command[0], given or ""))
        return ""

    monkeypatch.setattr(loader, "run", run)
    rules = loader.table("filter", "DROP", "-A INPUT -p tcp --dport 22 -j ACCEPT")
    loader.put(loader.Rules(rules, rules, "create a hash:ip\n"))
    changes = [(program, given) for program, given in done if given]
    assert [program for program, _ in changes] == [
        *("iptables-restore", "ip6tables-restore"),
        "ipset",
        *("iptables-restore", "ip6tables-restore"),
    ]
    for _, hold in changes[:2]:
        assert hold.count(" DROP [0:0]") == 3
        assert all("ESTABLISHED" in line or " lo " in line for line in hold.splitlines() if line.startswith("-A"))
        assert hold.count("*") == 1
