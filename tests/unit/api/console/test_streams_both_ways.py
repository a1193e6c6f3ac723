"""What a flow does can be said in this dialect, and means the same when it is read again."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.api.console.streams import (
    difference,
    flow_streams,
    merged,
    shown,
    streams_config_of,
)
from towpath.core.filters import Operator
from towpath.core.flows import AnyFilter, Filter, FlowStream
from towpath.core.model import ReadMode, Stream, WriteMode

#: Columns of every stream; text, so that filters may compare with any text.
COLUMNS = ("id", "name", "at", "seen", 'odd, "one"}', "a:b", "year(x)")
SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])
KEYS = [("public", "orders"), ("public", "a.b"), ("sales", "items"), (None, "plain"), (None, "folder/file")]


def offer(namespace, name, schema=SCHEMA, primary_key=("id",)):
    return Stream(
        name=name,
        namespace=namespace,
        schema=schema,
        primary_key=primary_key,
        read_modes=frozenset(ReadMode),
        cursors=("at",),
    )


OFFERED = [offer(*key) for key in KEYS]

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
NAMES = st.sampled_from(COLUMNS)
COMPARED = st.builds(
    Filter,
    column=NAMES,
    op=st.sampled_from([op for op in Operator if op is not Operator.IN and "null" not in op]),
    value=TEXTS,
)
CONDITIONS = (
    COMPARED
    | st.builds(Filter, column=NAMES, op=st.sampled_from([Operator.IS_NULL, Operator.NOT_NULL]))
    | st.builds(Filter, column=NAMES, op=st.just(Operator.IN), value=st.lists(TEXTS, max_size=2))
)
#: An alternative of one condition is that condition.
CLAUSES = CONDITIONS | st.lists(CONDITIONS, min_size=2, max_size=3, unique_by=repr).map(
    lambda items: AnyFilter(any=tuple(items))
)
PARTITIONS = st.lists(
    st.sampled_from(["id", 'odd, "one"}', "year(x)", "year(at)", "hour(seen)", 'day(odd, "one"})']),
    max_size=2,
).map(tuple)


@st.composite
def flow_stream(draw, key):
    """Anything that the dialect can say of a stream: no more than one of all ways to say a thing."""
    namespace, name = key
    mode = draw(st.sampled_from(ReadMode))
    cursors = {}
    if mode is ReadMode.INCREMENTAL:
        cursor = draw(st.sampled_from(["id", "at", "a:b"]))
        cursors = {"cursor": cursor, "cursor_fallback": draw(st.sampled_from([None, "seen"]))}
    needed = ["id", *(name for name in cursors.values() if name)]
    others = draw(st.lists(NAMES.filter(lambda name: name not in needed), unique=True))
    read = draw(
        st.sampled_from(
            [{}, {"columns": (*dict.fromkeys([*others, *needed]),)}, {"exclude": (*others, "gone")}]
        )
    )
    target = draw(st.none() | TEXTS.filter(lambda text: text not in ("", name)))
    write = draw(st.sampled_from([None, *WriteMode]))
    return FlowStream(
        name=f"{namespace}.{name}" if namespace else name,
        mode=mode,
        **cursors,
        **read,
        lookback=draw(st.sampled_from([0, 2.5])),
        where=tuple(draw(st.lists(CLAUSES, max_size=3))),
        write=write,
        target=target,
        primary_key=draw(st.sampled_from([None, ("id",), ()])),
        partition_by=draw(PARTITIONS),
        document=draw(st.booleans()),
    )


@st.composite
def flows(draw):
    """Some streams with different targets, and where they go."""
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, unique=True))
    # Streams of one namespace come together, as they do in the document.
    keys.sort(key=lambda key: key[0] or "")
    streams = [draw(flow_stream(key)) for key in keys]
    taken = [stream.target or key[1] for stream, key in zip(streams, keys, strict=True)]
    namespace = draw(st.none() | TEXTS.filter(bool))
    unique = [stream for index, stream in enumerate(streams) if taken[index] not in taken[:index]]
    return tuple(unique), namespace


@given(flows())
def test_with_what_is_offered(flow):
    said = streams_config_of(*flow, OFFERED)
    assert flow_streams(said) == flow
    assert flow_streams(json.dumps(said)) == flow
    assert flow_streams(said, OFFERED) == flow
    assert shown(said, *flow) == said


@given(flows())
def test_without_any_catalogue(flow):
    assert flow_streams(streams_config_of(*flow)) == flow
    assert flow_streams(shown(None, *flow)) == flow


@given(flows(), flows())
def test_what_is_shown_is_what_the_flow_does_now(before, after):
    kept = streams_config_of(*before, OFFERED)
    assert flow_streams(shown(kept, *after)) == after


@given(flows())
def test_fresh_discovery_of_an_unchanged_source_changes_nothing(flow):
    said = streams_config_of(*flow, OFFERED)
    again = merged(said, OFFERED)
    assert flow_streams(again) == flow
    assert merged(again, OFFERED) == again
    assert len(again["streams"]) == len(OFFERED)


@given(flows())
def test_what_is_the_same_needs_no_clearing(flow):
    said = streams_config_of(*flow, OFFERED)
    assert difference(said, json.dumps(said)) == {"selected_streams": {}, "streams": []}


def test_every_stream_is_selected_where_a_flow_names_none():
    said = streams_config_of((), "lake", OFFERED[2:4])
    assert flow_streams(said) == ((FlowStream(name="sales.items"), FlowStream(name="plain")), "lake")
    assert flow_streams(streams_config_of(())) == ((), None)


def saved(*streams, namespace="lake"):
    return streams_config_of(streams, namespace, OFFERED)


def orders(**more):
    return FlowStream(name="public.orders", **more)


def follow(**more):
    return orders(**{"mode": ReadMode.INCREMENTAL, "cursor": "at"} | more)


def cleared(before, after):
    found = difference(before, after)
    names = [one["stream_name"] for some in found["selected_streams"].values() for one in some]
    assert names == [entry["stream"]["name"] for entry in found["streams"]]
    return names


@pytest.mark.parametrize(
    "after",
    [
        {"mode": ReadMode.CDC, "cursor": None},
        {"mode": ReadMode.FULL_REFRESH, "cursor": None, "write": WriteMode.APPEND},
        {"mode": ReadMode.FULL_REFRESH, "cursor": None, "write": WriteMode.UPSERT},
        {"cursor": "seen"},
        {"cursor_fallback": "seen"},
        {"where": (Filter(column="name", value="x"),)},
        {"write": WriteMode.APPEND},
        {"target": "elsewhere"},
        {"primary_key": ("name", "id")},
        {"partition_by": ("name",)},
        {"document": True},
    ],
)
def test_changes_that_make_data_wrong(after):
    assert cleared(saved(follow()), saved(follow(**after))) == ["orders"]
    assert cleared(saved(follow(), namespace="pond"), saved(follow())) == ["orders"]


def test_a_column_more_is_empty_in_what_was_written():
    few, many = saved(follow(columns=("id", "at"))), saved(follow(columns=("id", "at", "name")))
    all_but_one, whole = saved(follow(exclude=("name",))), saved(follow())
    assert cleared(few, many) == cleared(few, whole) == cleared(all_but_one, whole) == ["orders"]
    assert cleared(many, few) == cleared(whole, few) == cleared(whole, all_but_one) == []
    # What the source got meanwhile is no choice of the user.
    grown = [offer("public", "orders", SCHEMA.append(pa.field("new", pa.string())))]
    assert cleared(whole, merged(whole, grown)) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((follow(),), (follow(lookback=5),)),
        ((follow(),), (orders(),)),
        ((follow(),), (orders(document=True, write=WriteMode.OVERWRITE),)),
        ((orders(),), (orders(where=(Filter(column="name", value="x"),)),)),
        ((orders(),), (orders(), FlowStream(name="plain"))),
        ((orders(), FlowStream(name="plain")), (orders(),)),
    ],
)
def test_changes_that_do_not(before, after):
    assert cleared(saved(*before), saved(*after)) == []


def test_a_job_that_read_every_stream():
    assert cleared("{}", saved(follow(), FlowStream(name="plain"), namespace=None)) == ["orders"]
    assert cleared(saved(follow()), "{}") == []


def test_only_what_changed_is_told_and_as_it_was_sent():
    before, after = (
        saved(follow(), FlowStream(name="plain")),
        saved(follow(document=True), FlowStream(name="plain")),
    )
    after["selected_streams"]["public"][0]["chunk_column"] = "id"
    after["selected_streams"]["public"].append({"stream_name": "a.b", "disabled": True})
    found = difference(before, after)
    assert found["selected_streams"] == {"public": after["selected_streams"]["public"][:1]}
    assert found["streams"] == after["streams"][:1]


def test_what_is_gone_and_what_is_new():
    schema = pa.schema([pa.field("id", pa.string()), pa.field("fresh", pa.int32())])
    said = saved(
        orders(exclude=("name",), target="o"),
        FlowStream(name="sales.items", columns=("id", "name")),
        FlowStream(name="plain"),
    )
    said["selected_streams"]["public"][0]["selected_columns"]["columns"].append("_own_id")
    said["streams"][0]["stream"]["type_schema"]["properties"]["_own_id"] = {
        "type": ["string"],
        "own_column": True,
    }
    found = merged(
        said, [offer("public", "orders", schema), offer("sales", "items", schema), offer(None, "new")]
    )
    assert {name: len(some) for name, some in found["selected_streams"].items()} == {"public": 1, "sales": 1}
    first, second, new = (entry["stream"] for entry in found["streams"])
    assert found["selected_streams"]["public"][0]["selected_columns"] == {
        "columns": ["id", "_own_id", "fresh"],
        "sync_new_columns": True,
        "excluded": ["name"],
    }
    assert found["selected_streams"]["sales"][0]["selected_columns"]["columns"] == ["id"]
    assert first["destination_table"] == "o"
    assert "_own_id" in first["type_schema"]["properties"]
    assert (second["destination_database"], new["destination_database"]) == ("lake:sales", "lake")
    assert flow_streams(found)[0][0].exclude == ("name",)
    assert merged("", OFFERED[:1], namespace="lake") == streams_config_of((), "lake", OFFERED[:1])


def test_a_mode_that_is_gone_falls_back():
    said = saved(orders(mode=ReadMode.CDC))
    found = merged(said, OFFERED[:1], {ReadMode.FULL_REFRESH})
    assert flow_streams(found)[0][0].mode is ReadMode.FULL_REFRESH
