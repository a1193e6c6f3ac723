"""Imports as steps: N records in, N outcomes out, whatever happens to each."""

from typing import Any

import pytest

from support.records import fill, ids
from towpath.core.errors import ConfigError

_FIELDS = {"fields": [{"extract": "id", "generate": "id"}, {"extract": "who", "generate": "name"}]}


def sources(outcomes: Any) -> list[tuple[int, bool, list[tuple[str, str]]]]:
    return [
        (one.status, one.ignored, [(error.source, error.code) for error in one.errors]) for one in outcomes
    ]


def test_every_record_has_its_outcome_in_order(imported, world) -> None:
    records = [{"id": 0}, {"id": 1, "refuse": True}, {"id": 2, "ignore": True}, {"id": 3, "down": True}]
    with imported(data_uri="https://x/{{response.id}}") as step:
        outcomes = step.write(records)
    assert sources(outcomes) == [
        (200, False, []),
        (422, False, [("application", "memory.refused")]),
        (200, True, []),
        (401, False, [("connection", "memory.signed_out")]),
    ]
    assert (outcomes[0].id, outcomes[0].json["id"], outcomes[0].data_uri) == ("0", 0, "https://x/0")
    assert ids(world.look().records["sink"]) == [0]


def test_nothing_in_nothing_out(imported) -> None:
    with imported() as step:
        assert step.write([]) == []
        assert step.map([]) == []


def test_a_filter_leaves_records_out(imported, world) -> None:
    with imported(
        filter={"version": "1", "rules": ["greaterthan", ["number", ["extract", "id"]], 1]}
    ) as step:
        assert [one.ignored for one in step.write([{"id": 1}, {"id": 2}])] == [True, False]
        assert [one.ignored for one in step.map([{"id": 1}, {"id": 2}])] == [True, False]
    assert ids(world.look().records["sink"]) == [2]


def test_records_are_mapped(imported, world) -> None:
    with imported(mapping=_FIELDS) as step:
        assert [one.data for one in step.map([{"id": 1, "who": "Ada"}])] == [{"id": 1, "name": "Ada"}]
        step.write([{"id": 1, "who": "Ada"}])
    assert world.look().records["sink"] == [{"id": 1, "name": "Ada"}]


def test_lookups_of_the_mapping_ask_the_application(imported, world, host) -> None:
    fill(world, "people", [{"id": 7, "name": "Ada"}, {"id": 8, "name": "Bob"}, {"id": 9, "name": "Bob"}])
    host.caches["itm_" + "0" * 26, "Ada"] = {"price": 3}
    lookups = [{"name": "person", "in": "people", "field": "name", "value": "{{who}}"}]
    mapping = {"fields": [{"extract": "who", "generate": "id", "lookupName": "person"}]}
    names = ["Ada", "Bob", "Eve", "broken"]
    with imported(mapping=mapping, lookups=lookups) as step:
        outcomes = step.write([{"who": name} for name in names])
    assert sources(outcomes) == [
        (200, False, []),
        (422, False, [("lookup", "lookup.several_matches")]),
        (422, False, [("lookup", "lookup.no_match")]),
        (422, False, [("lookup", "memory.broken")]),
    ]
    assert world.look().records["sink"] == [{"id": 7}]


def test_equal_keys_take_turns_in_order(imported, world) -> None:
    records = [{"id": n, "who": "ab"[n % 2]} for n in range(6)]
    with imported(id_lock="{{who}}") as step:
        outcomes = step.write(records)
    assert [one.id for one in outcomes] == [str(n) for n in range(6)]
    assert ids(world.look().records["sink"]) == [0, 1, 2, 3, 4, 5]


def test_children_count_as_one(imported, world) -> None:
    orders = [
        {"lines": [{"id": 1}, {"id": 2, "refuse": True}, {"id": 3}]},
        {"lines": []},
        {"lines": "none"},
        {"lines": [{"id": 4}]},
    ]
    with imported(one_to_many=True, path_to_many="lines") as step:
        outcomes = step.write(orders)
        assert [one.status for one in outcomes] == [422, 200, 422, 200]
        assert [error.field for error in outcomes[0].errors] == ["[1]"]
        assert outcomes[2].errors[0].code == "one_to_many.not_a_list"
        assert outcomes[3].json == [{"id": 4, "echo": {"id": 4}}]
        assert outcomes[0].failed_children == [1]
        [again] = step.write([{"lines": [{"id": 1}, {"id": 2}, {"id": 3}]}], [[1]])
        assert again.status == 200
        assert [one.data for one in step.map(orders[:1])] == [orders[0]["lines"]]
    assert ids(world.look().records["sink"]) == [1, 3, 4, 2]


def test_an_error_of_all_is_the_error_of_each(imported, world) -> None:
    with imported() as step:
        assert (
            sources(step.write([{"id": 1, "auth": True}, {"id": 2}]))
            == [(401, False, [("connection", "connection.auth_failed")])] * 2
        )


def test_answers_are_transformed(imported) -> None:
    rules = [[{"extract": "id", "generate": "number"}]]
    with imported(transform={"type": "expression", "expression": {"version": "1", "rules": rules}}) as step:
        [outcome] = step.write([{"id": 5}])
    assert outcome.json == {"number": 5}


def test_what_is_held_back_is_published_once(imported, world) -> None:
    for pages in (["0.1"], ["0.1", "0.2"]):  # the process has died, and the page comes again
        with imported({"name": "file", "held": True}) as step:
            for page in pages:
                step.turn(page)
                step.write([{"id": page}])
    assert "file" not in world.look().records
    with imported({"name": "file", "held": True}) as step:
        first = step.finish()
        assert step.finish() == first
    assert first["files"][0]["records"] == 2
    assert ids(world.look().records["file"]) == ["0.1", "0.2"]


def test_a_mapping_that_cannot_be_compiled_is_refused(imported) -> None:
    with pytest.raises(ConfigError, match="status"), imported(mappings=({"generate": "x"},)):
        pass
