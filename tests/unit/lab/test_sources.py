from network.lab.mirrors import ports_by_name, render
from network.lab.sources import Source, of_distribution, one_line, parse

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] http://mirror.example/debian bookworm main contrib # the archive
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian-security bookworm-security main

deb https://vendor.example/apt bookworm stable
"""

DEB822 = """\
Types: deb deb-src
# a remark
URIs: http://mirror.example/debian https://second.example:8080/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 URIs: http://not-a-field.example/

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
"""


def test_one_line_style() -> None:
    assert parse(ONE_LINE, deb822=False) == [
        Source("http://mirror.example/debian", "bookworm", ("main", "contrib")),
        Source("http://mirror.example/debian-security", "bookworm-security", ("main",)),
        Source("https://vendor.example/apt", "bookworm", ("stable",)),
    ]


def test_deb822_style() -> None:
    assert parse(DEB822, deb822=True) == [
        Source(uri, suite, ("main",))
        for uri in ("http://mirror.example/debian", "https://second.example:8080/debian")
        for suite in ("bookworm", "bookworm-updates")
    ]


def test_only_the_distributions_own_archives() -> None:
    sources = [
        Source("http://mirror.example/debian", "bookworm", ("main",)),
        Source("http://mirror.example/debian", "bookworm-backports", ("main",)),
        Source("https://vendor.example/apt", "bookworm", ("stable",)),
        Source("https://database.example/apt", "bookworm-pgdg", ("main",)),
        Source("https://node.example/node", "nodistro", ("main",)),
    ]
    assert of_distribution(sources, "bookworm") == sources[:1]


def test_source_as_one_line() -> None:
    assert one_line(Source("http://a.example/debian", "bookworm", ("main", "contrib"))) == (
        "deb http://a.example/debian bookworm main"
    )


def test_mirror_names_and_ports() -> None:
    sources = [*parse(ONE_LINE, deb822=False), *parse(DEB822, deb822=True)]
    assert ports_by_name(sources) == {"mirror.example": 80, "vendor.example": 443, "second.example": 8080}


def test_variables_file_is_stable() -> None:
    one = {"b.example": ("192.0.2.2",), "a.example": ("192.0.2.1",)}
    assert render(one) == render(dict(reversed(one.items())))
    assert render(one).splitlines()[1:] == [
        "network_externals_found:",
        "  package-mirrors:",
        "    a.example:",
        "    - 192.0.2.1",
        "    b.example:",
        "    - 192.0.2.2",
    ]
