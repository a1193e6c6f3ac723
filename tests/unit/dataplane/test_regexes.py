"""Regular expressions: as in JavaScript, and never slow."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import ConfigError
from towpath.dataplane import regexes
from towpath.dataplane.regexes import compile_regex


def found(pattern: str, text: str, flags: str = "") -> str | None:
    match = compile_regex(pattern, flags).search(text)
    return None if match is None else match.group()


@pytest.mark.parametrize(
    ("pattern", "flags", "text", "match"),
    [
        (r"[0-9]{5}", "", "Order ID: 12345.", "12345"),
        (r"b", "i", "aB", "B"),
        (r"^b$", "m", "a\nb\nc", "b"),
        (r"^b$", "", "a\nb", None),
        (r"a.b", "s", "a\nb", "a\nb"),
        (r"a[^]b", "", "a\nb", "a\nb"),
        (r"\u00e9\u{1F600}", "g", "é😀", "é😀"),
        (r"\cI", "", "a\tb", "\t"),
        (r"(?<year>\d{4})", "", "in 2024", "2024"),
        (r"a\/b", "", "a/b", "a/b"),
        (r"\\u0041", "", r"\u0041", r"\u0041"),
    ],
)
def test_finds(pattern: str, flags: str, text: str, match: str | None):
    assert found(pattern, text, flags) == match


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", r"\k<n>", "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(?>a)", "a++", "a{1001}"]
)
def test_what_cannot_run_in_linear_time_is_refused(pattern: str):
    with pytest.raises(ConfigError) as caught:
        compile_regex(pattern)
    assert caught.value.code == "regex.unsupported"


@pytest.mark.parametrize(
    ("pattern", "flags"), [("(a", ""), ("[", ""), ("\\", ""), ("a", "q"), ("a" * 5000, "")]
)
def test_what_is_no_pattern_is_refused(pattern: str, flags: str):
    with pytest.raises(ConfigError) as caught:
        compile_regex(pattern, flags)
    assert caught.value.code == "regex.invalid"


def test_positions_are_of_characters():
    matches = list(compile_regex("é(.)").finditer("ü\ud800é1é2"))
    assert [(match.start(), match.end(), match.group(1)) for match in matches] == [(2, 4, "1"), (4, 6, "2")]
    assert compile_regex("é").fullmatch("éé") is None


def test_a_pattern_that_hangs_others_ends():
    assert found(r"(a+)+b", "a" * 100_000) is None
    assert found(r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 100_000) is None


@given(st.text(max_size=30), st.text(max_size=30))
def test_nothing_but_config_errors(pattern: str, text: str):
    try:
        compiled = compile_regex(pattern)
    except ConfigError:
        return
    for match in compiled.finditer(text):
        assert 0 <= match.start() <= match.end() <= len(text)


def test_examples():
    result = doctest.testmod(regexes)
    assert (result.failed, result.attempted > 0) == (0, True)
