"""What a document of streams asks for, and which documents are refused."""

import json
from copy import deepcopy

import pyarrow as pa
import pytest

from towpath.api.console.streams import flow_streams, parsed, proposal, shown
from towpath.api.console.streams.types import word_of
from towpath.core.errors import ConfigError
from towpath.core.flows import Filter, FlowStream
from towpath.core.model import ReadMode, Stream, WriteMode

INCREMENTAL = ReadMode.INCREMENTAL
EVERY = frozenset(ReadMode)


def column(*type, **more):
    return {"type": list(type), **more}


def document(selected=None, **stream):
    """One stream that is selected, as a console sends it."""
    properties = {
        "id": column("integer", destination_column_name="id"),
        "name": column("string", "null"),
        "a:b": column("string", "null"),
        "created_at": column("timestamp", "null"),
        "updated_at": column("timestamp", "null"),
        "_own_id": column("string", own_column=True),
    }
    chosen = {"stream_name": "t", "partition_regex": "", "normalization": True, "append_mode": False}
    offer = {
        "name": "t",
        "namespace": "public",
        "type_schema": {"properties": properties},
        "supported_sync_modes": ["full_refresh", "incremental", "cdc", "strict_cdc"],
        "source_defined_primary_key": ["id"],
        "available_cursor_fields": ["id", "updated_at"],
        "sync_mode": "full_refresh",
        "destination_database": "lake:public",
        "destination_table": "t",
    }
    return {
        "selected_streams": {"public": [chosen | (selected or {})]},
        "streams": [{"stream": offer | stream}],
    }


def read(selected=None, *, writes=(), **stream):
    """What becomes of it, where that is not the usual; and the namespace."""
    (found,), namespace = flow_streams(document(selected, **stream), writes=writes)
    assert found.name == "public.t"
    return found.model_dump(exclude_defaults=True, exclude={"name"}), namespace


@pytest.mark.parametrize(
    ("selected", "stream", "expected"),
    [
        ({}, {}, {}),
        ({}, {"sync_mode": ""}, {}),
        ({}, {"sync_mode": "cdc"}, {"mode": ReadMode.CDC}),
        ({"append_mode": True}, {"sync_mode": "cdc"}, {"mode": ReadMode.CDC, "write": WriteMode.APPEND}),
        ({"append_mode": True}, {}, {"write": WriteMode.APPEND}),
        ({}, {"cursor_field": "id"}, {}),
        ({}, {"sync_mode": "incremental", "cursor_field": "id"}, {"mode": INCREMENTAL, "cursor": "id"}),
        ({}, {"sync_mode": "incremental", "cursor_field": "a:b"}, {"mode": INCREMENTAL, "cursor": "a:b"}),
        (
            {"lookback": 60},
            {"sync_mode": "incremental", "cursor_field": "updated_at:a:b"},
            {"mode": INCREMENTAL, "cursor": "updated_at", "cursor_fallback": "a:b", "lookback": 60},
        ),
        (
            {},
            {"sync_mode": "incremental", "cursor_field": "a:b:created_at"},
            {"mode": INCREMENTAL, "cursor": "a:b", "cursor_fallback": "created_at"},
        ),
        ({"normalization": False}, {}, {"document": True}),
        (
            {"normalization": None},
            {"default_stream_properties": {"normalization": False}},
            {"document": True},
        ),
        (
            {"append_mode": None},
            {"default_stream_properties": {"append_mode": True}},
            {"write": WriteMode.APPEND},
        ),
        ({}, {"default_stream_properties": {"append_mode": True, "normalization": False}}, {}),
        ({"filter": "id > 1"}, {}, {"where": ({"column": "id", "op": ">", "value": 1},)}),
        ({}, {"destination_table": "other"}, {"target": "other"}),
        (
            {"write_mode": "upsert", "primary_key": ["name"]},
            {},
            {"write": WriteMode.UPSERT, "primary_key": ("name",)},
        ),
        ({"partition_regex": "/{name}"}, {}, {"partition_by": ("name",)}),
        ({"partition_regex": "{name}/"}, {}, {"partition_by": ("name",)}),
        (
            {"partition_regex": '/{created_at, , Year}/{updated_at,month}/{"a:b",identity}/{name,}'},
            {},
            {"partition_by": ("year(created_at)", "month(updated_at)", "a:b", "name")},
        ),
        ({"chunk_column": "id", "use_source_column_names": True, "anything": 1}, {"anything": 1}, {}),
    ],
)
def test_choices(selected, stream, expected):
    assert read(selected, **stream) == (expected, "lake")


ALL = ["id", "name", "a:b", "created_at", "updated_at"]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, {}),
        ({"columns": None, "sync_new_columns": False}, {}),
        ({"columns": ALL, "sync_new_columns": True}, {}),
        ({"columns": [*ALL, "_own_id", "_never_heard_of"], "sync_new_columns": True}, {}),
        ({"columns": ALL, "sync_new_columns": False}, {"columns": tuple(ALL)}),
        ({"columns": ["name", "id", "_own_id"]}, {"columns": ("name", "id")}),
        ({"columns": ALL[:3], "sync_new_columns": True}, {"exclude": ("created_at", "updated_at")}),
        (
            {"columns": ALL[:4], "sync_new_columns": True, "excluded": ["gone", "updated_at", "id"]},
            {"exclude": ("gone", "updated_at")},
        ),
    ],
)
def test_columns(columns, expected):
    assert read({"selected_columns": columns})[0] == expected


@pytest.mark.parametrize(
    ("database", "namespace"),
    [
        ("", None),
        ("lake", "lake"),
        ("lake:public", "lake"),
        ("a:b:public", "a:b"),
        ("lake:other", "lake:other"),
    ],
)
def test_places(database, namespace):
    assert read(destination_database=database) == ({}, namespace)


SELECTED, OFFER = "streams_config.selected_streams.public.0", "streams_config.streams.0.stream"
INCREMENTALLY = {"sync_mode": "incremental", "cursor_field": "updated_at"}


@pytest.mark.parametrize(
    ("selected", "stream", "code", "field"),
    [
        ({}, {"sync_mode": "strict_cdc"}, "read_mode.unsupported", f"{OFFER}.sync_mode"),
        ({}, {"sync_mode": "hourly"}, "read_mode.unsupported", f"{OFFER}.sync_mode"),
        (
            {},
            {"sync_mode": "cdc", "supported_sync_modes": ["full_refresh"]},
            "read_mode.unsupported",
            f"{OFFER}.sync_mode",
        ),
        ({}, {"sync_mode": "incremental"}, "cursor.missing", f"{OFFER}.cursor_field"),
        (
            {},
            {"sync_mode": "incremental", "cursor_field": "x:id"},
            "column.not_found",
            f"{OFFER}.cursor_field",
        ),
        ({"filter": "id >"}, {}, "filter.invalid", f"{SELECTED}.filter"),
        ({"filter": "x = 1"}, {}, "column.not_found", f"{SELECTED}.filter"),
        ({"partition_regex": "/year={name}"}, {}, "partition.unsupported", f"{SELECTED}.partition_regex"),
        ({"partition_regex": "/{name}{id}"}, {}, "partition.unsupported", f"{SELECTED}.partition_regex"),
        ({"partition_regex": "/{name,none,}"}, {}, "partition.unsupported", f"{SELECTED}.partition_regex"),
        ({"partition_regex": "/{name,,week}"}, {}, "partition.unsupported", f"{SELECTED}.partition_regex"),
        (
            {"partition_regex": "/{id,,day}"},
            {"type_schema": {"properties": {"id": {}, "day(id)": {}}}},
            "partition.unsupported",
            f"{SELECTED}.partition_regex",
        ),
        ({"partition_regex": "/{now()}"}, {}, "column.not_found", f"{SELECTED}.partition_regex"),
        ({"partition_regex": "/{}"}, {}, "column.not_found", f"{SELECTED}.partition_regex"),
        (
            {"selected_columns": {"columns": ["id", "x"]}},
            {},
            "column.not_found",
            f"{SELECTED}.selected_columns.columns",
        ),
        ({"selected_columns": {"columns": []}}, {}, "column.none", f"{SELECTED}.selected_columns.columns"),
        (
            {"selected_columns": {"columns": ["_own_id"], "sync_new_columns": True}},
            {},
            "column.none",
            f"{SELECTED}.selected_columns.columns",
        ),
        (
            {"selected_columns": {"columns": ["id"]}},
            INCREMENTALLY,
            "cursor.not_selected",
            f"{SELECTED}.selected_columns.columns",
        ),
        (
            {"selected_columns": {"columns": ALL[1:], "sync_new_columns": True}},
            INCREMENTALLY,
            "upsert.no_key",
            f"{SELECTED}.selected_columns.columns",
        ),
        ({"stream_name": "u"}, {}, "stream.not_found", f"{SELECTED}.stream_name"),
        ({"disabled": True}, {}, "stream.none_selected", "streams_config.selected_streams"),
        ({"stream_name": 5}, {}, "config.invalid", f"{SELECTED}.stream_name"),
        ({"append_mode": "perhaps"}, {}, "config.invalid", f"{SELECTED}.append_mode"),
        ({"lookback": -1}, {}, "config.invalid", f"{SELECTED}.lookback"),
        ({}, {"type_schema": []}, "config.invalid", f"{OFFER}.type_schema"),
    ],
)
def test_what_is_refused(selected, stream, code, field):
    with pytest.raises(ConfigError) as caught:
        flow_streams(document(selected, **stream))
    assert (caught.value.code, caught.value.context["field"]) == (code, field)
    assert caught.value.message.endswith(".")
    assert caught.value.hint


def test_keys_need_not_be_read_where_nothing_goes_by_key():
    few = {"selected_columns": {"columns": ["name", "updated_at"]}}
    assert read(few)[0]["columns"] == ("name", "updated_at")
    assert read(few | {"append_mode": True}, **INCREMENTALLY)[0]["cursor"] == "updated_at"


@pytest.mark.parametrize(
    ("selected", "stream", "writes"),
    [
        ({}, {}, {WriteMode.APPEND}),
        ({}, INCREMENTALLY, {WriteMode.APPEND, WriteMode.OVERWRITE}),
        ({"append_mode": True}, {}, {WriteMode.OVERWRITE}),
    ],
)
def test_what_the_destination_cannot_do(selected, stream, writes):
    with pytest.raises(ConfigError) as caught:
        read(selected, writes=writes, **stream)
    assert caught.value.code == "write_mode.unsupported"
    assert caught.value.context["field"] == f"{SELECTED}.append_mode"
    assert read({"append_mode": True}, writes={WriteMode.APPEND}, **INCREMENTALLY)
    assert read(writes={WriteMode.APPEND}, source_defined_primary_key=[], **INCREMENTALLY)


def two(first=None, second=None):
    """Two streams of one name, in two schemas."""
    whole, other = document(**(first or {})), document(namespace="sales", **(second or {}))
    whole["selected_streams"]["sales"] = other["selected_streams"]["public"]
    whole["streams"] += other["streams"]
    return whole


@pytest.mark.parametrize(
    ("second", "code", "field"),
    [
        ({"destination_database": "lake:sales"}, "target.duplicate", "destination_table"),
        (
            {"destination_database": "pond:sales", "destination_table": "u"},
            "namespace.several",
            "destination_database",
        ),
    ],
)
def test_streams_must_not_stand_in_each_others_way(second, code, field):
    with pytest.raises(ConfigError) as caught:
        flow_streams(two(None, second))
    assert caught.value.code == code
    assert caught.value.context["field"] == f"streams_config.streams.1.stream.{field}"
    found, namespace = flow_streams(
        two(None, {"destination_database": "lake:sales", "destination_table": "u"})
    )
    assert ([stream.name for stream in found], namespace) == (["public.t", "sales.t"], "lake")


def test_a_stream_is_selected_once():
    twice = document()
    twice["selected_streams"]["public"] *= 2
    with pytest.raises(ConfigError) as caught:
        flow_streams(twice)
    assert caught.value.code == "stream.duplicate"
    twice["selected_streams"]["public"][1] = twice["selected_streams"]["public"][1] | {"disabled": True}
    assert len(flow_streams(twice)[0]) == 1


@pytest.mark.parametrize(
    "nothing", [None, "", " ", "{}", "[]", "null", {}, {"selected_streams": {}, "streams": []}]
)
def test_nothing_said_means_every_stream(nothing):
    assert flow_streams(nothing) == ((), None)


def test_texts_and_wrappings_say_the_same():
    plain = document()
    wanted = flow_streams(plain)
    for form in (json.dumps(plain), {"streams_config": plain}, {"streams_config": json.dumps(plain)}):
        assert flow_streams(form) == wanted
        assert parsed(form) == plain
    assert flow_streams(plain | {"streams_config": "ignored"}) == wanted


@pytest.mark.parametrize(
    "broken", ["{", "5", '"text"', "[1]", '{"a": NaN}', '{"a": 1, "a": 2}', [5], '"' + "\ud800"]
)
def test_what_is_no_document(broken):
    with pytest.raises(ConfigError) as caught:
        flow_streams(broken)
    assert (caught.value.code, caught.value.context["field"]) == ("config.invalid", "streams_config")


def stream(name="t", namespace="public", **more):
    fields = [("id", pa.int64()), ("at", pa.timestamp("ms")), ("data", pa.json_()), ("day", pa.date32())]
    chosen = {"primary_key": ("id",), "cursors": ("at",), "read_modes": EVERY} | more
    return Stream(name=name, namespace=namespace, schema=pa.schema(fields), **chosen)


def test_what_a_new_job_starts_from():
    found = proposal([stream(), stream("u", None), stream("t", "sales", primary_key=(), cursors=())])
    assert [entry["stream"]["destination_table"] for entry in found["streams"]] == [
        "public_t",
        "u",
        "sales_t",
    ]
    assert [entry["stream"]["sync_mode"] for entry in found["streams"]] == ["cdc", "cdc", "full_refresh"]
    assert found["streams"][0]["stream"]["supported_sync_modes"] == ["full_refresh", "incremental", "cdc"]
    assert list(found["selected_streams"]) == ["public", "", "sales"]
    assert found["streams"][0]["stream"]["type_schema"]["properties"] == {
        "id": {"type": ["integer"], "destination_column_name": "id"},
        "at": {"type": ["timestamp_milli", "null"], "destination_column_name": "at"},
        "data": {"type": ["object", "null"], "destination_column_name": "data"},
        "day": {"type": ["timestamp", "null"], "destination_column_name": "day"},
    }
    less = proposal([stream()], {ReadMode.FULL_REFRESH})["streams"][0]["stream"]
    assert (less["supported_sync_modes"], less["sync_mode"]) == (["full_refresh"], "full_refresh")
    plain = proposal([stream(read_modes=frozenset({ReadMode.FULL_REFRESH, INCREMENTAL}))])
    assert flow_streams(plain) == ((FlowStream(name="public.t"),), None)


def test_fresh_discovery_knows_better_than_the_document():
    said = document({"selected_columns": {"columns": ["id", "at"], "sync_new_columns": True}})
    (found,), _ = flow_streams(said, [stream()])
    assert found.exclude == ("data", "day")
    with pytest.raises(ConfigError) as caught:
        flow_streams(said, [stream("other")])
    assert caught.value.code == "stream.not_found"


def test_what_was_sent_is_shown_as_long_as_it_is_true():
    kept = document({"chunk_column": "id", "filter": "id > 1"}, anything=1)
    streams, namespace = flow_streams(kept)
    assert shown(json.dumps(kept), streams, namespace) == kept
    changed = (streams[0].model_copy(update={"where": (Filter(column="new", value=1),)}),)
    before = deepcopy(kept)
    other = shown(kept, changed, "elsewhere")
    assert flow_streams(other) == (changed, "elsewhere")
    assert other["streams"][0]["stream"]["source_defined_primary_key"] == ["id"]
    assert kept == before
    assert flow_streams(shown("broken", streams, namespace)) == (streams, namespace)
    assert shown(None, (), None) == {}


@pytest.mark.parametrize(
    "regex", ["{" + " " * 20_000 + "!", "/{" + ", ".join([" " * 5000] * 3) + "!", '{"' * 20_000]
)
def test_long_paths_are_refused_at_once(regex):
    with pytest.raises(ConfigError):
        read({"partition_regex": regex})


@pytest.mark.parametrize(
    ("type", "word"),
    [
        (pa.int16(), "integer_small"),
        (pa.int64(), "integer"),
        (pa.uint64(), "integer"),
        (pa.float32(), "number_small"),
        (pa.float64(), "number"),
        (pa.decimal128(10, 2), "number"),
        (pa.string(), "string"),
        (pa.uuid(), "string"),
        (pa.binary(), "string"),
        (pa.time64("us"), "string"),
        (pa.bool_(), "boolean"),
        (pa.timestamp("s"), "timestamp"),
        (pa.timestamp("us", "UTC"), "timestamp_micro"),
        (pa.timestamp("ns"), "timestamp_nano"),
        (pa.list_(pa.int8()), "array"),
        (pa.struct([("a", pa.int8())]), "object"),
        (pa.map_(pa.string(), pa.int8()), "object"),
        (pa.null(), "null"),
    ],
)
def test_types(type, word):
    assert word_of(type) == word
