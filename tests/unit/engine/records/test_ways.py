"""What happens to records on their way through a flow, one thing at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.lab import Lab
from support.plugins import HEARD, plugged
from support.records import ids
from towpath.core.errors import AuthError, ConfigError, NotFoundError
from towpath.core.pipelines import Branch, Generator, Pipeline, Processor, Router
from towpath.core.records import Counters
from towpath.core.steps import Hook

_FUNCTIONS = """
def mapped(options):
    heard("mapped", options)
    return [{**record, "seen": True} for record in options["postResponseMapData"]]

def raises(options):
    raise ValueError("no such luck")

def branches(options):
    return {0: [0, 1], 1: 1, 2: [], 3: [7]}[options["record"]["id"]]

def submit(options):
    if any(one["id"] == "1" for one in options["preMapData"] if isinstance(one["id"], str)):
        raise ValueError("not yet")
    return options["responseData"]
"""


def flow(*processors: Processor, **more: Any) -> Pipeline:
    return Pipeline(generators=(Generator(step="orders"),), processors=processors, **more)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Any]:
    def lab(pipeline: Pipeline, *records: dict[str, Any], **pages: Any) -> Lab:
        made = Lab(pipeline, tmp_path)
        made.fill("orders", records)
        made.export("orders", **pages)
        return made

    with plugged(tmp_path, _FUNCTIONS, "mapped", "raises", "branches", "submit"):
        yield lab


def to(step: str, **more: Any) -> Processor:
    return Processor(step=step, kind="import", **more)


def fields(**extracts: str) -> dict[str, Any]:
    return {"fields": [{"extract": path, "generate": name} for name, path in extracts.items()]}


def errors(lab: Lab) -> list[tuple[str, str, str, Any]]:
    return [
        (error["stream"], error["detail"]["source"], error["detail"]["stage"], error["record"])
        for error in lab.errors.values()
    ]


def test_a_record_that_failed_goes_on_where_the_flow_says_so(make) -> None:
    lab = make(
        flow(to("first", proceed_on_failure=True, response=fields(code="errors[0].code")), to("second")),
        {"id": 1, "refuse": True},
        {"id": 2},
    )
    lab.import_("first")
    lab.import_("second", mapping=fields(id="id", code="code"))
    lab.run()
    assert lab.sink("second") == [{"id": 1, "code": "memory.refused"}, {"id": 2}]
    assert errors(lab) == [("first", "application", "map", {"id": 1, "refuse": True})]
    assert lab.counters["first"] == Counters(read=2, written=1, rejected=1)
    # Sent again, it does not go on a second time.
    [kept] = lab.kept()
    kept["record"] = {"id": 1}
    lab.run(retry=[kept])
    assert ids(lab.sink("first")) == [2, 1]
    assert ids(lab.sink("second")) == [1, 2]


def test_a_lookup_is_skipped_by_its_filter_and_fails_alone(make) -> None:
    lab = make(
        flow(
            Processor(step="who", kind="lookup", response=fields(name="data[0].name", all="data")),
            to("sink"),
        ),
        {"id": 1, "who": "7"},
        {"id": 2},
        {"id": 3, "who": "broken"},
        {"id": 4, "who": "8"},
    )
    lab.fill("people", [{"id": 7, "name": "Ada"}])
    skip = {"version": "1", "rules": ["notempty", ["extract", "who"]]}
    lab.export("who", {"name": "people", "match": ["id", "{{who}}"]}, lookup=True, input_filter=skip)
    lab.import_("sink")
    lab.run()
    assert [(one["id"], one.get("name"), one.get("all")) for one in lab.sink("sink")] == [
        (1, "Ada", [{"id": 7, "name": "Ada"}]),
        (2, None, None),
        (4, None, []),
    ]
    assert errors(lab) == [("who", "lookup", "map", {"id": 3, "who": "broken"})]
    assert lab.counters["who"] == Counters(read=4, written=2, filtered=1, rejected=1)


def test_answers_of_children_go_to_the_children(make) -> None:
    lab = make(
        flow(to("lines", response=fields(written="id")), to("sink")),
        {"id": 1, "lines": [{"id": 10}, {"id": 11}]},
    )
    lab.import_("lines", one_to_many=True, path_to_many="lines")
    lab.import_("sink")
    lab.run()
    assert lab.sink("sink") == [
        {"id": 1, "lines": [{"id": 10, "written": "10"}, {"id": 11, "written": "11"}]}
    ]
    assert lab.counters["lines"] == Counters(read=1, written=1)


def test_only_the_children_that_failed_are_sent_again(make) -> None:
    lab = make(flow(to("lines"), to("sink")), {"id": 1, "lines": [{"id": 10}, {"id": 11, "refuse": True}]})
    lab.import_("lines", one_to_many=True, path_to_many="lines")
    lab.import_("sink")
    lab.run()
    assert lab.sink("sink") == []
    [kept] = lab.kept()
    kept["record"] = {"id": 1, "lines": [{"id": 10}, {"id": 11}]}
    lab.run(retry=[kept])
    assert ids(lab.sink("lines")) == [10, 11]
    assert ids(lab.sink("sink")) == [1]


def test_a_connection_that_refuses_us_ends_the_run_with_its_records_kept(make) -> None:
    records = [{"id": 0}, {"id": 1, "down": True}, {"id": 2}, {"id": 3}]
    lab = make(flow(to("first"), to("second")), *records, page_size=3)
    lab.import_("first")
    lab.import_("second")
    with pytest.raises(AuthError) as caught:
        lab.run()
    assert caught.value.context["connection"] == "con_lab"
    assert lab.marked == [("con_lab", "Nobody is signed in.")]
    assert errors(lab) == [("first", "connection", "map", records[1])]
    assert ids(lab.sink("second")) == [0, 2], "those that got through are not forgotten on their way"
    assert lab.progress["orders"].page == 1


def test_an_export_that_is_refused_marks_its_connection(make) -> None:
    lab = make(flow(to("first")), *["signed out"])
    lab.import_("first")
    with pytest.raises(AuthError):
        lab.run()
    assert lab.marked == [("con_lab", "Nobody is signed in.")]


def test_an_export_that_fails_says_which(make) -> None:
    lab = make(flow(to("first")))
    lab.export("orders", {"name": "nothing"})
    lab.import_("first")
    with pytest.raises(NotFoundError) as caught:
        lab.run()
    assert caught.value.context["step"] == "orders"


def test_a_hook_sees_records_with_their_answers(make) -> None:
    lab = make(
        flow(to("first", response=fields(written="id"), hook=Hook(function="mapped")), to("sink")),
        {"id": 1},
        {"id": 2, "refuse": True},
    )
    lab.import_("first")
    lab.import_("sink")
    lab.run()
    assert lab.sink("sink") == [{"id": 1, "written": "1", "seen": True}]
    [options] = HEARD["mapped"]
    assert options["postResponseMapData"] == [{"id": 1, "written": "1"}]
    assert [one["id"] for one in options["responseData"]] == ["1"]


def test_what_fails_after_a_step_is_not_sent_to_it_again(make) -> None:
    first = to("first", response=fields(written="id"), hook=Hook(function="raises"))
    lab = make(flow(first, to("sink")), {"id": 1})
    lab.import_("first")
    lab.import_("sink")
    lab.run()
    assert errors(lab) == [("first", "post_response_map_hook", "response", {"id": 1})]
    assert lab.counters["first"] == Counters(read=1, rejected=1)
    again = lab.kept()
    lab.pipeline = flow(to("first", response=fields(written="id"), hook=Hook(function="mapped")), to("sink"))
    lab.forget()
    lab.run(retry=again)
    assert ids(lab.sink("first")) == [1]
    assert lab.sink("sink") == [{"id": 1, "written": "1", "seen": True}]


def test_what_fails_after_sending_is_not_sent_again(make) -> None:
    lab = make(flow(to("first"), to("sink")), {"id": "1"})
    lab.import_("first", hooks={"post_submit": {"function": "submit"}})
    lab.import_("sink")
    lab.run()
    assert errors(lab) == [("first", "post_submit_hook", "submit", {"id": "1"})]
    again = lab.kept()
    lab.import_("first")
    lab.run(retry=again)
    assert ids(lab.sink("first")) == ids(lab.sink("sink")) == ["1"]


def test_a_function_chooses_the_branches(make) -> None:
    router = Router(
        id="r",
        all_branches=True,
        hook=Hook(function="branches"),
        branches=(Branch(processors=(to("a"),)), Branch(processors=(to("b"),))),
    )
    pipeline = Pipeline(generators=(Generator(step="orders"),), routers=(router,))
    lab = make(pipeline, *({"id": number} for number in range(4)), page_size=10)
    lab.import_("a")
    lab.import_("b")
    result = lab.run()
    assert (ids(lab.sink("a")), ids(lab.sink("b"))) == ([0], [0, 1])
    assert result["discarded"] == {"r: no branch": 1}
    assert errors(lab) == [("orders", "router", "page", {"id": 3})]
    assert lab.counters["orders"] == Counters(read=4, written=3, rejected=1)
    [kept] = lab.kept()
    kept["record"] = {"id": 1}
    lab.run(retry=[kept])
    assert ids(lab.sink("b")) == [0, 1, 1]


def test_routers_that_lead_nowhere_are_refused(make) -> None:
    def routed(*ways: str) -> Pipeline:
        routers = tuple(Router(id=way[0], branches=(Branch(router=way[1]),)) for way in ways)
        return Pipeline(generators=(Generator(step="orders"),), routers=routers)

    for pipeline, said in ((routed("ab", "ba"), "circle"), (routed("ac"), "no router")):
        with pytest.raises(ConfigError, match=said) as caught:
            make(pipeline).run()
        assert caught.value.code == "flow.routers"


def test_processed_records_are_told_back(make) -> None:
    records = [{"id": 1}, {"id": 2, "refuse": True}, {"id": 3}, {"id": 4}]
    lab = make(flow(to("sink")), *records)
    lab.export("orders", {"name": "orders", "flag": "done"}, kind="once", once={"field": "done"}, page_size=9)
    lab.import_("sink")
    lab.run([12])
    assert [one.get("done") for one in lab.sink("orders")] == [True, None, True, True]
    assert not lab.progress["orders"].back


def test_posted_records_and_what_nobody_keeps(make) -> None:
    lab = make(flow(to("sink"), skip_retries=True), page_size=2)
    lab.given = {"orders": [{"id": 1}, {"id": 2, "refuse": True}, {"id": 3}]}
    lab.export("orders", kind="webhook", trace_key="{{id}}")
    lab.import_("sink")
    lab.run([5, 7])
    assert set(ids(lab.sink("sink"))) == {1, 3}
    assert errors(lab) == [("sink", "application", "done", {})]


def test_records_that_get_through_resolve_what_was_open(make) -> None:
    lab = make(flow(to("sink")), {"id": 1}, {"id": 2, "refuse": True}, trace_key="{{id}}")
    lab.import_("sink", trace_key="s{{id}}")
    lab.open_keys = {"orders": frozenset({"1", "7"}), "sink": frozenset({"s1", "s2"})}
    lab.run()
    assert sorted(lab.passed) == [("orders", "1"), ("sink", "s1")]
    assert [error["detail"]["trace_key"] for error in lab.errors.values()] == ["s2"]


def test_a_step_that_the_flow_has_lost(make) -> None:
    lab = make(flow(to("sink")))
    lab.import_("sink")
    gone = {"id": "err_1", "stream": "gone", "record": {}, "detail": {"stage": "map"}}
    with pytest.raises(ConfigError, match="not a part"):
        lab.run(retry=[gone])
