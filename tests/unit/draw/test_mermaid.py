from network.draw.mermaid import diagram
from tests.unit.read.environment import HERE, base, files, inventory

BASE = """\
flowchart LR
  subgraph zone_internet["internet"]
    world_internet(["anyone"])
  end
  subgraph zone_dmz["dmz: The public front"]
    host_web1["web1"]
  end
  subgraph zone_data["data: The database"]
    host_db1["db1"]
  end
  subgraph zone_mgmt["mgmt: The jump host"]
    host_bastion1["bastion1"]
  end
  group_fleet{{"every host of fleet"}}
  host_edge1[/"edge1: firewall"\\]
  zone_internet --- host_edge1
  host_edge1 --- zone_dmz
  host_core1[/"core1: firewall"\\]
  zone_dmz --- host_core1
  host_core1 --- zone_data
  host_core1 --- zone_mgmt
  world_internet -->|"https 443"| host_web1
  host_web1 -->|"postgresql 5432"| host_db1
  host_bastion1 -.->|"ssh 22"| group_fleet"""


def test_base_drawn() -> None:
    assert diagram(base()) == BASE


def test_what_only_this_machine_knows_changes_nothing() -> None:
    found = b"network_externals_found: {mail: {smtp.example.net: [198.51.100.26]}}\n"
    assert diagram(base({"group_vars/all/machine.yml": found})) == BASE


def test_lab_stays_legible() -> None:
    """A picture with more arrows than this is no picture: draw less, or wider groups."""
    lines = diagram(inventory("lab")).splitlines()
    assert sum("|" in line for line in lines) <= 16


def test_every_end_of_an_arrow_is_a_node() -> None:
    for name in ("lab", "production"):
        lines = [line.strip() for line in diagram(inventory(name)).splitlines()]
        nodes = {
            line.split("[")[0].split("(")[0].split("{")[0]
            for line in lines
            if "[" in line or "(" in line or "{" in line
        }
        for line in lines:
            if "|" in line:
                assert {line.split()[0], line.split()[-1]} <= nodes


def test_labels_hold_no_character_that_ends_them() -> None:
    policy = b'to: db\n    http: {method: PUT, path: "/a/{id}", auth: token}'
    from_base = (
        files(HERE / "base")["policy.yml"]
        .replace(b"to: db", policy)
        .replace(b"The public front", b"'\"Front\" <b>; #1'")
    )
    drawn = diagram(base({"policy.yml": from_base}))
    assert "subgraph zone_dmz[\"dmz: 'Front' ‹b›; ＃1\"]" in drawn
    assert 'host_web1 ==>|"PUT /a/{id} on postgresql 5432"| host_db1' in drawn
