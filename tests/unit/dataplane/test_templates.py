"""The template language itself. The results were compared with those of Handlebars 4.7."""

import doctest
from collections.abc import Mapping

import pytest

from towpath.core.errors import ConfigError, DataError
from towpath.dataplane import templates
from towpath.dataplane.templates import Environment, Escape, compile_template, escapes, values
from towpath.dataplane.templates.helpers import strings

CONTEXT = {
    "name": "Ada",
    "zero": 0,
    "no": False,
    "none": [],
    "xs": [1, 2, 3],
    "os": [{"n": "x", "in": [{"k": 1}, {"k": 2}]}, {"n": "y", "in": []}],
    "o": {"p": {"q": "deep"}, "0": "zero"},
    "timestamp": "a field",
    "sum": "another",
    "a b": "spaced",
    "12": "twelve",
}


def render(text: str, context: Mapping[str, object] = CONTEXT, **options: object) -> str:
    return compile_template(text, **options).render(context)  # type: ignore[arg-type]  # as the caller says


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", ""),
        ("no braces } { }} at all", "no braces } { }} at all"),
        ("{{name}}{{{name}}}{{&name}}", "AdaAdaAda"),
        ("{{ name }}{{~ name ~}} x", "AdaAdax"),
        ('{"a":{"b":{{{name}}}}}', '{"a":{"b":Ada}}'),
        ("{{xs.0}}{{xs.[1]}}{{xs.length}}{{name.length}}", "1233"),
        ("{{o.p.q}}{{o/p/q}}{{o.[p].q}}{{o.0}}", "deepdeepdeepzero"),
        ('{{[a b]}}{{"a b"}}{{12}}', "spacedspacedtwelve"),
        ("{{o.p.q.r}}{{name.x}}{{xs.9}}{{nothing.at.all}}{{zero.x}}", ""),
        ("{{zero}}{{no}}", "0false"),
        ("{{this.timestamp}}{{sum}}", "a fieldanother"),
        ("{{#if timestamp}}field{{/if}}", "field"),
        ("{{#each o}}{{@key}}{{@index}}{{@first}}{{@last}} {{/each}}", "p0truefalse 01falsetrue "),
        (
            "{{#each os}}{{n}}{{#each in}}{{@../index}}{{k}}{{../n}}{{../../name}}{{/each}}{{/each}}",
            "x01xAda02xAday",
        ),
        ("{{#each os as |o i|}}{{#each o.in as |p|}}{{i}}{{o.n}}{{p.k}}{{/each}}{{/each}}", "0x10x2"),
        ("{{#each xs}}{{this}}{{.}}{{else}}none{{/each}}", "112233"),
        ("{{#each none}}x{{else}}none{{/each}}{{#each name}}x{{^}}none{{/each}}", "nonenone"),
        ("{{#with o.p as |p|}}{{q}}{{p.q}}{{../name}}{{@root.name}}{{/with}}", "deepdeepAdaAda"),
        ("{{#with none}}x{{else}}{{name}}{{/with}}", "Ada"),
        ("{{#each xs}}{{#with ../o.p}}{{@index}}{{q}}{{/with}}{{/each}}", "0deep1deep2deep"),
        ("{{#os}}{{n}}{{/os}}{{#o}}{{p.q}}{{/o}}{{#no}}x{{/no}}{{#zero}}{{this}}{{/zero}}", "xydeep0"),
        ("{{^none}}no{{else}}yes{{/none}}{{^name}}no{{/name}}", "no"),
        (
            "{{#if no}}1{{else if zero}}2{{else unless name}}3{{else compare zero '<' 1}}4{{else}}5{{/if}}",
            "4",
        ),
        ("{{#if no}}1{{else each xs}}{{this}}{{else}}2{{/if}}", "123"),
        ("{{#unless no}}1{{else}}2{{/unless}}", "1"),
        ("{{^if no}}1{{else}}2{{/if}}", "1"),
        ("{{#and name (not no)}}1{{/and}}{{compare 1 '==' '1'}}", "1true"),
        (r"\{{name}} \\{{name}} \{{#if}}", r"{{name}} \Ada {{#if}}"),
        ("{{{{raw}}}} {{name}} {{#if}} {{{{/raw}}}}", " {{name}} {{#if}} "),
        ("a{{! no }}b{{!-- {{no}} --}}c{{!-- no }}d", "abcd"),
        ('{{capitalize "say \\"hi\\"\\n"}}{{capitalize \'it\\\'s\'}}', 'Say "hi"\\nIt\'s'),
        (
            "{{typeOf 1}}{{typeOf true}}{{typeOf null}}{{typeOf undefined}}{{typeOf nothing}}",
            "numberbooleanobjectundefinedundefined",
        ),
    ],
)
def test_renders(text: str, result: str):
    assert render(text) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{#if name}}\nyes\n{{else}}\nno\n{{/if}}\nend", "yes\nend"),
        ("a\n  {{#each xs}}  \n- {{this}}\n  {{/each}}\r\nb", "a\n- 1\n- 2\n- 3\nb"),
        ("a\n {{! gone }} \nb", "a\nb"),
        ("a {{! stays }}\nb", "a \nb"),
        ("a\n {{name}} \nb", "a\n Ada \nb"),
        ("{{#if name}} x {{/if}}\n", " x \n"),
        ("a \n {{~#if name~}} \n x {{~/if~}} \n b", "axb"),
        ("{{#if name}}\n{{#if name}}\nx\n{{/if}}\n{{/if}}\n", "x\n"),
    ],
)
def test_white_space(text: str, result: str):
    assert render(text) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("/c/{id}?x={a.0.b}", "/c/7?x=1"),
        ("{first name}{[first name]}", "{first name}Ada"),
        ('{"a":{"b":{id},"c":[{a[0].b}]},"d":"x"}', '{"a":{"b":7,"c":[1]},"d":"x"}'),
        (r"\d{3}-{2,5}-{}-{ id }-{id", r"\d{3}-{2,5}-{}-{ id }-{id"),
        ("{{id}}-{{{id}}}-{id}", "7-7-7"),
        ("{$.id}{missing}{dotted.key}", "7literal"),
        ("{uppercase}", ""),
        ("query { items { id } } {id}", "query { items { id } } 7"),
    ],
)
def test_single_braces(text: str, result: str):
    context = {"id": 7, "a": [{"b": 1}], "first name": "Ada", "dotted.key": "literal"}
    assert render(text, context, single_braces=True) == result


def test_single_braces_are_text_where_they_are_not_asked_for():
    assert render("{name}") == "{name}"
    assert compile_template("{name}").constant == "{name}"


@pytest.mark.parametrize(
    ("escape", "value", "text"),
    [
        (Escape.NONE, "<a & b>", "<a & b>"),
        (Escape.URI, "a b/c?d=ü&e", "a%20b%2Fc%3Fd%3D%C3%BC%26e"),
        (Escape.URI, [1, 2], "1%2C2"),
        (Escape.SQL, "O'Hara", "'O''Hara'"),
        (Escape.SQL, "\\' or 1=1 --", "'\\'' or 1=1 --'"),
        (Escape.SQL, 1.50, "1.5"),
        (Escape.SQL, -1, "(-1)"),
        (Escape.SQL, "1", "'1'"),
        (Escape.SQL, None, "NULL"),
        (Escape.SQL, True, "TRUE"),
        (Escape.SQL, float("inf"), "'Infinity'"),
        (Escape.SQL, {"a": "'"}, """'{"a":"''"}'"""),
        (Escape.JSON, 'say "hi"\n\\', 'say \\"hi\\"\\n\\\\'),
        (Escape.JSON, 1.0, "1"),
        (Escape.JSON, None, ""),
    ],
)
def test_escapes(escape: Escape, value: object, text: str):
    assert render("{{x}}", {"x": value}, escape=escape) == text
    assert render("{{#if true}}{{x}}{{/if}}", {"x": value}, escape=escape) == text
    assert render("{x}", {"x": value}, escape=escape, single_braces=True) == text


def test_triple_braces_never_escape():
    assert render("{{{x}}}{{&x}}", {"x": "a b'"}, escape=Escape.URI) == "a b'a b'"


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("a\nb {{name", (2, 3), "not closed"),
        ("{{#if name}}", (1, 1), "the block if is not closed"),
        ("{{/if}}", (1, 1), "closes nothing"),
        ("{{#if a}}{{/unless}}", (1, 10), "closes nothing"),
        ("{{else}}", (1, 1), "else without its block"),
        ("{{#if a}}{{else}}{{else}}{{/if}}", (1, 18), "else without its block"),
        ("{{> part}}", (1, 1), "partials"),
        ("{{#> part}}{{/part}}", (1, 1), "partials"),
        ('{{#*inline "x"}}{{/inline}}', (1, 1), "inline partials"),
        ("{{* decorated}}", (1, 1), "decorators"),
        ("{{nothing name}}", (1, 3), "no helper called nothing"),
        ("{{record.x name}}", (1, 3), "no helper called record.x"),
        ("{{#uppercase name}}x{{/uppercase}}", (1, 4), "no block"),
        ("{{if name}}", (1, 3), "if is a block"),
        ("{{uppercase (each xs)}}", (1, 14), "each is a block"),
        ("{{uppercase name name}}", (1, 3), "takes 1 value, not 2"),
        ("{{join}}{{replace name}}", (1, 11), "takes 2 to 3 values, not 1"),
        ("{{sort xs order='x'}}", (1, 3), "knows no order="),
        ("{{#if}}x{{/if}}", (1, 4), "if needs a value"),
        ("{{#compare a}}x{{/compare}}", (1, 4), "takes 3 values, not 1"),
        ("{{#if a b}}x{{/if}}", (1, 4), "takes 1 value, not 2"),
        ("{{uppercase (lowercase name}}", (1, 13), "parenthesis"),
        ("{{sort number='true' xs}}", (1, 22), "follows a named one"),
        ("{{@nothing}}", (1, 3), "no @nothing"),
        ("{{name!}}", (1, 3), "not understood"),
        ("{{}}", (1, 3), "not understood"),
        ("{{{{raw}}}} x", (1, 1), "raw block is not closed"),
        ("{{{{{", (1, 1), "four braces"),
        ("{{!-- x", (1, 1), "comment is not closed"),
        ("{{#if a as |b|}}{{/if}}", (1, 4), "gives no names"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_place(text: str, place: tuple[int, int], says: str):
    with pytest.raises(ConfigError, match=says) as caught:
        compile_template(text)
    error = caught.value
    assert error.code == "template.invalid"
    assert (error.context["line"], error.context["column"]) == place
    assert error.message.startswith(f"Line {place[0]}, column {place[1]} of the template: ")
    assert error.hint


def test_the_nearest_helper_is_named():
    with pytest.raises(ConfigError) as caught:
        compile_template("{{upercase name}}")
    assert caught.value.hint == "Did you mean uppercase?"


def test_patterns_that_stand_in_a_template_are_checked_with_it():
    with pytest.raises(ConfigError) as caught:
        compile_template(r'{{regexMatch name "(a)\1"}}')
    assert (caught.value.code, caught.value.context["column"]) == ("regex.unsupported", 19)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("constant", set()),
        ("{{a}}{{record.b.[c d]}}{{uppercase (trim record.e)}}", {"a", "record.b.c d", "record.e"}),
        ("{{#each record.lines}}{{sku}}{{../x}}{{@root.y.z}}{{/each}}", {"record.lines", "x", "y.z"}),
        ("{{#if a}}{{b}}{{else if c}}{{d}}{{/if}}", {"a", "b", "c", "d"}),
        ("{{@index}}{{this}}{{timestamp}}", set()),
    ],
)
def test_names_tell_what_is_read(text: str, names: set[str]):
    assert compile_template(text).names == names


def test_constants():
    assert compile_template("plain").constant == "plain"
    assert compile_template(r"a \{{b}}{{! c }}").constant == "a {{b}}"
    assert compile_template("{{a}}").constant is None
    assert compile_template("{a.0.b}", single_braces=True).names == {"a.0.b"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{{dateFormat "YYYY" name}}', "dateFormat cannot do it: 'Ada' is no date in ISO 8601"),
        ("{{jsonParse name}}", "jsonParse cannot read 'Ada' as JSON"),
        ("{{abs name}}", "abs needs a number, not 'Ada'"),
        ("{{divide 1 zero}}", "divides by zero"),
        ('{{multiply "1e300" "1e300"}}', "comes to no number"),
        ('{{lookup "states" name}}', "no lookup called 'states'"),
        ('{{hash name "hex" name}}', "no algorithm 'Ada'"),
        ("{{compare 1 name 2}}", "no operator 'Ada'"),
        ('{{regexMatch name (join "" "(" )}}', "not understood"),
        ('{{aws4 "a" "b"}}', "signs a request, and there is none here"),
        ('{{timestamp "YYYY" "Nowhere"}}', "no time zone called 'Nowhere'"),
    ],
)
def test_helpers_that_cannot_say_why_and_where(text: str, says: str):
    template = compile_template(f"line one\n{text}")
    with pytest.raises(DataError, match=says) as caught:
        template.render(CONTEXT)
    assert caught.value.code == "template.failed"
    assert (caught.value.context["line"], caught.value.context["column"]) == (2, 3)


def test_lookups_run_in_the_environment():
    states = Environment(look=lambda name, value: {"states": {"Texas": "TX"}}[name][value])
    assert compile_template('{{lookup "states" s}}').render({"s": "Texas"}, states) == "TX"


@pytest.mark.parametrize(
    "text",
    [
        "{{#each xs}}{{#each ../xs}}{{#each ../../xs}}{{/each}}{{/each}}{{/each}}",
        "{{#each xs}}{{../long}}{{/each}}",
        "{{long}}" * 6,
        "{{long}}" * 40,
        '{{replace long "x" long}}',
        "{{padLeft 1 9999999999}}",
        "{{join long xs}}",
        '{{regexReplace long long "x"}}',
    ],
)
def test_what_grows_beyond_bounds_is_refused(text: str):
    template = compile_template(text)
    with pytest.raises(DataError) as caught:
        template.render({"xs": list(range(60)), "long": "x" * 1_000_000})
    assert caught.value.code == "template.too_large"


def test_deep_values_are_refused():
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for text in ("{{x}}", "{{jsonSerialize x}}", "{{#if true}}{{uppercase x}}{{/if}}"):
        with pytest.raises(DataError) as caught:
            render(text, {"x": deep})
        assert caught.value.code == "template.failed"
    while deep:  # taken apart step by step: freeing it at once would go as deep
        deep = deep.pop()  # type: ignore[assignment]  # lists all the way down


@pytest.mark.parametrize(
    "text",
    [
        "{{#if a}}" * 33 + "{{/if}}" * 33,
        "{{trim " + "(trim " * 21 + "a" + ")" * 21 + "}}",
        "{{a}}" * 5_001,
        "x" * 2_000_001,
    ],
)
def test_templates_have_limits(text: str):
    with pytest.raises(ConfigError) as caught:
        compile_template(text)
    assert caught.value.code == "template.invalid"


def test_long_chains_of_else_are_no_nesting():
    arms = "".join(f'{{{{else compare x "==" {number}}}}}{number}' for number in range(1_000))
    template = compile_template("{{#if no}}" + arms + "{{else}}none{{/if}}")
    assert template.render({"x": 999}) == "999"
    assert template.render({"x": -1}) == "none"


def test_text_of_templates_never_becomes_code():
    evil = "'\"\\\n{}__import__('os')#"
    assert render("{{[" + evil.replace("]", "") + "]}}", {evil: "safe"}) == "safe"
    assert render(evil) == evil


@pytest.mark.parametrize("module", [templates, values, escapes, strings])
def test_examples(module: object):
    result = doctest.testmod(module)  # type: ignore[arg-type]  # a module
    assert (result.failed, result.attempted > 0) == (0, True)
