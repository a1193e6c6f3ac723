"""Hooks: what functions are told, and what their answers do."""

from typing import Any

import pytest

from support.plugins import HEARD, plugged
from support.records import fill, ids
from towpath.core.errors import ConfigError, DataError, NotFoundError

_FUNCTIONS = """
def save(options):
    heard("save", options)
    data = [record for record in options["data"] if record["id"] != 2]
    odd = {"code": "odd", "message": "It is odd."}
    fresh = {"retryData": {"data": {"id": 2}, "stage": "x"}, "errors": [odd]}
    return {"data": data, "errors": options["errors"], "abort": True, "newErrorsAndRetryData": [fresh]}

def raises(options):
    heard("raises", options)
    raise ValueError("no such luck")

def short(options):
    return []

def nonsense(options):
    return {"data": 1}

def pre(options):
    heard("pre", options)
    answers = []
    for record in options["data"]:
        error = {"code": "told", "message": "Something."}
        answers.append({
            0: {"data": {**record, "pre": True}},
            1: {},
            2: {"errors": [error]},
            3: {"data": record, "errors": [error]},
        }[record["id"]])
    return answers

def post(options):
    heard("post", options)
    return [{"data": {**data, "post": True}} for data in options["postMapData"]]

def submit(options):
    heard("submit", options)
    return [{**one, "id": f"x{one['id']}"} for one in options["responseData"]]

def aggregate(options):
    heard("aggregate", options)

def keep(options):
    return options["record"]["id"] > 0

def change(options):
    return {"id": options["record"]["id"] * 10}

def undecided(options):
    return "perhaps"
"""
_NAMES = (
    "save",
    "raises",
    "short",
    "nonsense",
    "pre",
    "post",
    "submit",
    "aggregate",
    "keep",
    "change",
    "undecided",
)


@pytest.fixture(autouse=True)
def functions(tmp_path: Any) -> Any:
    with plugged(tmp_path, _FUNCTIONS, *_NAMES):
        yield


def hook(place: str, function: str) -> dict[str, Any]:
    return {"hooks": {place: {"function": function, "configuration": {"size": 1}}}}


def told(outcomes: Any) -> list[tuple[int, bool, list[tuple[str, str]]]]:
    return [
        (one.status, one.ignored, [(error.source, error.code) for error in one.errors]) for one in outcomes
    ]


def test_pages_are_shown_before_they_go_on(export, world, host) -> None:
    fill(world, "orders", [{"id": 1, "at": "2026-01-02"}, {"id": 2}, {"id": 3}, {"id": 4, "at": "never"}])
    words = {"exportSince": "2026-01-01T00:00:00+00:00", "lastExportDateTime": "then"}
    pages = {"kind": "delta", "delta": {"field": "at"}, "page_size": 4}
    with export(words, **pages, **hook("pre_save_page", "save")) as step:
        [page] = step.pages()
    assert ids(page.records) == [1, 3]
    assert [(one.source, one.code, one.record["id"]) for one in page.failures] == [
        ("transformation", "delta.bad_date", 4),
        ("pre_save_page_hook", "odd", 2),
    ]
    assert page.after is None
    [options] = HEARD["save"]
    assert options["_exportId"] == "exp_1"
    assert options["bearerToken"] == "token-0"
    assert host.dead == ["token-0"]
    assert options["retryData"]["0"]["data"] == {"id": 4, "at": "never"}
    assert (options["pageIndex"], options["testMode"], options["configuration"]) == (0, False, {"size": 1})
    assert options["lastExportDateTime"] == "then"


def test_abort_reads_no_further_page(export, world) -> None:
    fill(world, "orders", [{"id": number} for number in range(9)])
    with export(page_size=3, **hook("pre_save_page", "save")) as step:
        assert [ids(page.records) for page in step.pages()] == [[0, 1]]


@pytest.mark.parametrize("function", ["raises", "nonsense"])
def test_a_page_hook_that_fails_ends_the_export(export, world, host, function) -> None:
    fill(world, "orders", [{"id": 1}])
    with export(**hook("pre_save_page", function)) as step, pytest.raises(DataError) as caught:
        list(step.pages())
    assert caught.value.code in ("hook.failed", "hook.bad_answer")
    assert host.dead == host.tokens


def test_before_and_after_the_mapping(imported, world) -> None:
    mapping = {"fields": [{"extract": name, "generate": name} for name in ("id", "pre")]}
    both = {"hooks": {**hook("pre_map", "pre")["hooks"], **hook("post_map", "post")["hooks"]}}
    with imported(mapping=mapping, **both) as step:
        outcomes = step.write([{"id": number} for number in range(4)])
    assert told(outcomes) == [
        (200, False, []),
        (200, True, []),
        (422, False, [("pre_map_hook", "told")]),
        (200, False, [("pre_map_hook", "told")]),
    ]
    assert world.look().records["sink"] == [{"id": 0, "pre": True, "post": True}, {"id": 3, "post": True}]
    [options] = HEARD["post"]
    assert options["preMapData"] == [{"id": 0, "pre": True}, {"id": 3}]
    assert options["postMapData"] == [{"id": 0, "pre": True}, {"id": 3}]


@pytest.mark.parametrize(("place", "source"), [("pre_map", "pre_map_hook"), ("post_map", "post_map_hook")])
@pytest.mark.parametrize(("function", "code"), [("raises", "hook.failed"), ("short", "hook.bad_answer")])
def test_a_hook_that_fails_fails_all_of_the_page(imported, world, place, source, function, code) -> None:
    with imported(**hook(place, function)) as step:
        assert told(step.write([{"id": 1}, {"id": 2}])) == [(422, False, [(source, code)])] * 2
    assert "sink" not in world.look().records


def test_after_sending(imported) -> None:
    with imported(**hook("post_submit", "submit")) as step:
        outcomes = step.write([{"id": 1}, {"id": 2, "refuse": True}])
    assert [one.id for one in outcomes] == ["x1", "xNone"]
    assert told(outcomes)[1] == (422, False, [("application", "memory.refused")])
    [options] = HEARD["submit"]
    assert [one["statusCode"] for one in options["responseData"]] == [200, 422]
    assert options["responseData"][0]["_json"]["id"] == 1


def test_a_hook_that_fails_after_sending_keeps_the_answers(imported, world) -> None:
    with imported(**hook("post_submit", "raises")) as step:
        outcomes = step.write([{"id": 1}, {"id": 2, "refuse": True}])
        assert told(outcomes) == [
            (422, False, [("post_submit_hook", "hook.failed")]),
            (422, False, [("application", "memory.refused")]),
        ]
        assert outcomes[0].json["id"] == 1
    with imported(**hook("post_submit", "submit")) as step:
        [outcome] = step.submitted([{"id": 1}], [outcomes[0].__class__(id="1", json=outcomes[0].json)])
    assert (outcome.status, outcome.id) == (200, "x1")
    assert ids(world.look().records["sink"]) == [1]


def test_after_publishing(imported) -> None:
    with imported({"name": "file", "held": True}, **hook("post_aggregate", "aggregate")) as step:
        step.write([{"id": 1}])
        step.finish()
    [options] = HEARD["aggregate"]
    assert options["postAggregateData"]["success"] is True
    assert options["postAggregateData"]["_json"]["files"][0]["records"] == 1


def test_scripts_stand_where_rules_could(export, imported, world) -> None:
    script = {"type": "script", "script": {"function": "keep"}}
    changed = {"type": "script", "script": {"function": "change"}}
    fill(world, "orders", [{"id": 0}, {"id": 1}])
    with export(filter=script, transform=changed) as step:
        [page] = step.pages()
    assert (page.records, page.filtered) == ([{"id": 10}], 1)
    with imported(filter={"type": "script", "script": {"function": "undecided"}}) as step:
        assert told(step.write([{"id": 1}])) == [(422, False, [("import_filter", "hook.bad_answer")])]


def test_functions_that_are_not_there(export, world) -> None:
    fill(world, "orders", [{"id": 1}])
    with export(**hook("pre_save_page", "missing")) as step, pytest.raises(NotFoundError) as missing:
        list(step.pages())
    assert missing.value.code == "hook.not_found"
    with (
        export(hooks={"pre_save_page": {"function": "save", "stack": "con_none"}}) as step,
        pytest.raises(ConfigError) as caught,
    ):
        list(step.pages())
    assert caught.value.code == "hook.no_stack"
