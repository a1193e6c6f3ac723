"""What holds of every template, however hostile."""

import json
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from towpath.core.errors import ConfigError, DataError
from towpath.dataplane.templates import Escape, compile_template, text
from towpath.dataplane.templates.checks import BLOCKS
from towpath.dataplane.templates.helpers import HELPERS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
NO_SURROGATES = st.text(st.characters(exclude_categories=["Cs"]))

#: Pieces that make templates that are almost right.
PIECES = st.sampled_from(
    [
        *(
            "{{",
            "}}",
            "{{{",
            "}}}",
            "{",
            "}",
            "{{{{",
            "{{#",
            "{{/",
            "{{^}}",
            "{{else}}",
            "{{else ",
            "~",
            "\\",
            "!--",
            "--",
            "!",
        ),
        *(
            "(",
            ")",
            "[",
            "]",
            "'",
            '"',
            ".",
            "..",
            "/",
            "@",
            "=",
            "|",
            " as |x|",
            " ",
            "\n",
            "this",
            "a",
            "b.0",
            "1",
            "-2.5",
        ),
        *(
            "true",
            "null",
            "@index",
            "{{#if a}}",
            "{{/if}}",
            "{{#each xs}}",
            "{{/each}}",
            "{{{{raw}}}}",
            "{{{{/raw}}}}",
        ),
        *(f"{{{{{name} a b}}}}" for name in sorted(HELPERS)[::7]),
    ]
)
CONTEXTS = st.fixed_dictionaries({"a": JSON, "b": JSON, "xs": JSON})


@given(st.text().filter(lambda plain: "{{" not in plain))
def test_text_without_braces_is_itself(plain: str):
    template = compile_template(plain)
    assert template.constant == plain
    assert template.render({}) == plain


@given(NO_SURROGATES)
def test_uri_escapes_can_be_read_back(value: str):
    assert unquote(compile_template("{{x}}", escape=Escape.URI).render({"x": value})) == value


@given(NO_SURROGATES)
def test_json_escapes_can_be_read_back(value: str):
    assert json.loads(compile_template('"{{x}}"', escape=Escape.JSON).render({"x": value})) == value


@given(NO_SURROGATES)
def test_sql_literals_can_be_read_back(value: str):
    literal = compile_template("{{x}}", escape=Escape.SQL).render({"x": value})
    assert literal[0] == literal[-1] == "'"
    assert literal[1:-1].replace("''", "").count("'") == 0
    assert literal[1:-1].replace("''", "'") == value


@given(st.lists(PIECES | st.text(max_size=4), max_size=14), CONTEXTS, st.booleans(), st.sampled_from(Escape))
@settings(max_examples=300)
def test_nothing_but_our_errors(pieces: list[str], context: dict[str, object], single: bool, escape: Escape):
    try:
        template = compile_template("".join(pieces), single_braces=single, escape=escape)
        made = template.render(context)
    except (ConfigError, DataError):
        return
    assert isinstance(made, str)
    if template.constant is not None:
        assert made == template.constant


def family_of_error(source: str, context: dict[str, object], *, single: bool = False) -> str | None:
    try:
        compile_template(source, single_braces=single).render(context)
    except (ConfigError, DataError) as error:
        return error.code.partition(".")[0]
    return None


VALUES = st.sampled_from(
    ["a", "b", "xs", "missing", "1", "'x'", "'\\'", "-3", "null", "this", "'2024-01-01'", "'YYYY'"]
)


@given(st.sampled_from(sorted(HELPERS)), st.lists(VALUES, max_size=4), CONTEXTS, st.booleans())
@settings(max_examples=500)
def test_helpers_raise_nothing_but_our_errors(
    helper: str, given_values: list[str], context: dict[str, object], block: bool
):
    call = " ".join([helper, *given_values])
    source = f"{{{{#{call}}}}}x{{{{/{helper}}}}}" if block else f"{{{{{call}}}}}"
    assert family_of_error(source, context) in {None, "template", "regex", "path"}


@given(st.sampled_from(sorted(BLOCKS)), VALUES.filter(lambda value: value != "'\\'"), CONTEXTS)
def test_blocks_render_either_branch(block: str, value: str, context: dict[str, object]):
    arguments = f"{value} 'x'" if block == "filter" else value
    made = compile_template(f"{{{{#{block} {arguments}}}}}a{{{{else}}}}b{{{{/{block}}}}}").render(context)
    assert set(made) in ({"a"}, {"b"})


@given(JSON)
def test_every_value_is_written(value: object):
    assert compile_template("{{x}}").render({"x": value}) == text(value)


@pytest.mark.parametrize(
    "hostile",
    [
        "{",
        "{{",
        "{{{",
        "}",
        "{{a",
        "{{a}}",
        "{{!",
        "{{!--",
        "\\{{",
        "\\\\{{",
        "{[",
        "{a.",
        "{{#if a}}",
        "{{(",
        '{{"',
        "{{[",
        "{{a ",
        "{{a/",
        "{{else}}",
        "{{~",
        " \n",
        "{{! }}\n",
    ],
)
@pytest.mark.parametrize("single", [False, True])
def test_hostile_text_is_read_in_linear_time(hostile: str, single: bool):
    # This ends in a moment; a reader that takes quadratic time would be busy for minutes.
    source = hostile * (100_000 // len(hostile))
    assert family_of_error(source, {}, single=single) in {None, "template"}
