import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.nginx import Directive, NginxSyntaxError, block, directive, render


def test_render_same_named_siblings_keeps_each() -> None:
    tree = [
        block("http", (), block("server", (), directive("listen", "1.2.3.4:80"), directive("listen", "5.6.7.8:80")))
    ]

    assert render(tree).count("listen") == 2


def test_render_same_named_blocks_keeps_order() -> None:
    names = ["c", "a", "b", "a"]
    text = render([block("http", (), *(block("server", (), directive("server_name", name)) for name in names))])

    assert [line.split()[1].rstrip(";") for line in text.splitlines() if "server_name" in line] == names


@pytest.mark.parametrize(
    ("argument", "written"),
    [
        ("plain", "plain"),
        ("two words", '"two words"'),
        ("", '""'),
        ("a;b", '"a;b"'),
        ("a{b}", '"a{b}"'),
        ('say "hi"', "'say \"hi\"'"),
        ("it's", '"it\'s"'),
        ("#no", '"#no"'),
    ],
)
def test_render_argument_is_one_word(argument: str, written: str) -> None:
    assert render([directive("error_log", argument)]) == f"error_log {written};\n"


@pytest.mark.parametrize("argument", ["a\nb", "a\tb", "a\x00", "a\x7f", "a\u2028b", "a\\.b", "\"'"])
def test_render_argument_that_cannot_be_written_is_refused(argument: str) -> None:
    with pytest.raises(NginxSyntaxError):
        render([directive("error_log", argument)])


@pytest.mark.parametrize("name", ["no_such_directive", "user;", "User", "", "a b", "#"])
def test_render_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(NginxSyntaxError):
        render([directive(name, "x")])


def test_render_directive_in_the_wrong_block_is_refused() -> None:
    with pytest.raises(NginxSyntaxError, match="not allowed here"):
        render([directive("proxy_pass", "http://x")])


@pytest.mark.parametrize("condition", ["$a", "($a = b)", "($a", "(a)", "($a) {"])
def test_render_if_takes_one_variable(condition: str) -> None:
    with pytest.raises(NginxSyntaxError):
        render([block("http", (), block("server", (), block("if", (condition,), directive("return", "204"))))])


def test_render_map_keys_are_data() -> None:
    text = render([block("http", (), block("map", ("$a", "$b"), directive("~^x;{ y", "1"), directive("default", "")))])

    assert '"~^x;{ y" 1;' in text


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_render_is_either_exact_or_refused(arguments: list[str]) -> None:
    tree = [Directive("http", (), (Directive("log_format", ("name", *arguments)),))]
    try:
        text = render(tree)
    except NginxSyntaxError:
        return
    assert text.count("\n") == 3
