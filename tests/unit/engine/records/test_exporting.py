"""Exports as steps: pages out of an application, refined, resumable."""

import json
from typing import Any

import pytest

from support.records import fill, ids
from towpath.core.errors import ConfigError, DataError
from towpath.core.flows import ExportSpec
from towpath.core.steps import PageRead
from towpath.engine.records import open_export


def orders(count: int) -> list[dict[str, Any]]:
    return [{"id": n, "kind": "odd" if n % 2 else "even", "at": f"2026-01-{n + 1:02}"} for n in range(count)]


def everything(step: Any, **more: Any) -> list[Any]:
    return [record for page in step.pages(**more) for record in page.records]


def test_pages_say_where_the_next_begins(export, world) -> None:
    fill(world, "orders", orders(10))
    with export(page_size=3, trace_key="{{id}}", data_uri="https://x/{{id}}") as step:
        pages = list(step.pages())
    assert [ids(page.records) for page in pages] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    assert [page.after is None for page in pages] == [False, False, False, True]
    assert pages[0].trace_keys == ["0", "1", "2"]
    assert pages[1].data_uris[0] == "https://x/3"
    assert pages[0].total_records == 10
    for number, page in enumerate(pages[:-1]):
        after = json.loads(json.dumps(page.after))
        with export(page_size=3) as step:
            assert ids(everything(step, after=after)) == list(range(3 * number + 3, 10))


def test_an_empty_export_has_one_empty_page(export, world) -> None:
    fill(world, "orders", [])
    with export() as step:
        assert [(list(page.records), page.after) for page in step.pages()] == [([], None)]


def test_records_are_transformed_then_filtered(export, world) -> None:
    fill(world, "orders", orders(4))
    rules = [[{"extract": "id", "generate": "number"}, {"extract": "kind", "generate": "sort"}]]
    only = {
        "type": "expression",
        "expression": {"version": "1", "rules": ["equals", ["extract", "sort"], "odd"]},
    }
    with export(
        transform={"type": "expression", "expression": {"version": "1", "rules": rules}}, filter=only
    ) as step:
        [page] = step.pages()
    assert page.records == [{"number": 1, "sort": "odd"}, {"number": 3, "sort": "odd"}]
    assert page.filtered == 2


def test_groups_are_held_together_over_pages(export, world) -> None:
    fill(world, "orders", [{"id": n, "of": n // 3} for n in range(8)])
    with export(page_size=2, group_by=("of",)) as step:
        pages = list(step.pages())
        found = [[ids(group) for group in page.records] for page in pages]
        assert [group for page in found for group in page] == [[0, 1, 2], [3, 4, 5], [6, 7]]
        for number, page in enumerate(pages[:-1]):
            rest = [
                ids(group)
                for one in step.pages(after=json.loads(json.dumps(page.after)))
                for group in one.records
            ]
            assert rest == [group for later in found[number + 1 :] for group in later]


def test_records_are_sorted(export, world) -> None:
    fill(world, "orders", orders(3))
    with export(sort_by=({"field": "id", "descending": True},)) as step:
        assert ids(everything(step)) == [2, 1, 0]


def test_large_pages_are_cut_and_too_large_records_fail_alone(export, world) -> None:
    large = [{"id": n, "text": "x" * 2_000_000} for n in range(4)]
    fill(world, "orders", [*large, {"id": 4, "text": "x" * 6_000_000}, {"id": 5}])
    with export(page_size=6) as step:
        pages = list(step.pages())
        assert [ids(page.records) for page in pages] == [[0, 1], [2, 3, 5]]
        assert [one.code for page in pages for one in page.failures] == ["record.too_large"]
        [again] = step.pages(after=pages[0].after)
    assert ids(again.records) == [2, 3, 5]
    assert list(again.failures) == []


def test_a_test_reads_no_more_than_its_limit(export, world) -> None:
    fill(world, "orders", orders(10))
    with export(kind="test", limit=3, page_size=2) as step:
        assert ids(everything(step)) == [0, 1, 2]
    with export(kind="test") as step:
        assert ids(everything(step)) == [0]


def test_a_delta_leaves_old_records_out(export, world) -> None:
    fill(world, "orders", [*orders(5), {"id": 9}, {"id": 10, "at": "yesterday"}])
    words = {"exportSince": "2026-01-03T00:00:00+00:00"}
    with export(kind="delta", delta={"field": "at,changed"}, words=words) as step:
        [page] = step.pages()
    assert (ids(page.records), page.filtered) == ([3, 4, 9], 3)
    assert [(one.code, one.record["id"]) for one in page.failures] == [("delta.bad_date", 10)]


def test_once_leaves_flagged_records_out(export, world) -> None:
    fill(world, "orders", [{"id": 1}, {"id": 2, "done": True}, {"id": 3, "done": "false"}])
    with export(kind="once", once={"field": "done"}, request={"name": "orders", "flag": "done"}) as step:
        [page] = step.pages()
        assert (ids(page.records), page.filtered) == ([1, 3], 1)
        assert step.read_back(page.records) == [None, None]
        assert everything(step) == []


def test_given_records_are_not_read(host) -> None:
    spec = ExportSpec(pages=PageRead(kind="webhook", page_size=2, trace_key="{{id}}"))
    with open_export("exp_1", spec, {}, None, host, {}) as step:
        pages = list(step.pages(given=orders(5)))
        assert [ids(page.records) for page in pages] == [[0, 1], [2, 3], [4]]
        assert ids(everything(step, given=orders(5), after=pages[0].after)) == [2, 3, 4]
        assert everything(step, given=[]) == []
        with pytest.raises(DataError, match="reads nothing by itself"):
            list(step.pages())


def test_lookups_see_the_record(export, world) -> None:
    fill(world, "orders", orders(4))
    skip = {"version": "1", "rules": ["notempty", ["extract", "wanted"]]}
    with export(
        lookup=True, input_filter=skip, request={"name": "orders", "match": ["id", "{{wanted}}"]}
    ) as step:
        assert step.takes({"wanted": 2})
        assert not step.takes({})
        assert ids(everything(step, record={"wanted": 2})) == [2]


def test_settings_that_the_connector_does_not_know_are_refused(export, world) -> None:
    with pytest.raises(ConfigError, match="surprise") as caught, export(request={"name": "x", "surprise": 1}):
        pass
    assert caught.value.code == "config.invalid"
    assert caught.value.context["step"] == "exp_1"
