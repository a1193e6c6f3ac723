import pyarrow as pa
import pytest

from towpath.core.errors import ConfigError, SchemaError
from towpath.core.flows import AnyFilter, ExportSpec, Filter, ImportSpec, StreamRead, StreamWrite
from towpath.core.model import ReadMode, Selection, Stream, WriteMode
from towpath.engine.planning import Frame, clash, selection_of, target_of, wishes
from towpath.sdk.testing.memory import connector

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string()), ("at", pa.timestamp("us"))])
ORDERS = Stream("orders", SCHEMA, "public", primary_key=("id",), read_modes=frozenset(ReadMode))
LOG = Stream("log", SCHEMA, "public", read_modes=frozenset(ReadMode))
OFFERED = [ORDERS, LOG]
INCREMENTAL = {"mode": ReadMode.INCREMENTAL, "cursor": "at"}


def frame(**changes) -> Frame:
    return Frame(
        **{"run": "run_1", "namespace": None, "full": False, "source": connector, "destination": connector}
        | changes
    )


def target(read: StreamRead, write: StreamWrite | None = None, **changes):
    selection = selection_of(read, OFFERED, frame(**changes))
    return target_of(selection, write or StreamWrite(name=read.name), frame(**changes), "flw:0")


def test_without_streams_everything_is_taken():
    found = wishes(ExportSpec(), ImportSpec(), OFFERED, None)
    assert [wish.read.name for wish in found] == ["public.orders", "public.log"]
    assert {wish.read.mode for wish in found} == {ReadMode.FULL_REFRESH}


def test_a_run_may_take_some_streams_only():
    found = wishes(ExportSpec(), ImportSpec(), OFFERED, ["public.log"])
    assert [wish.read.name for wish in found] == ["public.log"]


def test_streams_keep_the_order_of_the_flow():
    reads = (StreamRead(name="public.log"), StreamRead(name="public.orders"))
    found = wishes(ExportSpec(streams=reads), ImportSpec(), OFFERED, ["public.orders", "public.log"])
    assert [wish.read.name for wish in found] == ["public.log", "public.orders"]


@pytest.mark.parametrize(
    ("export", "imported", "only", "code", "near"),
    [
        (
            ExportSpec(),
            ImportSpec(streams=(StreamWrite(name="public.order"),)),
            None,
            "stream.not_exported",
            "public.orders",
        ),
        (ExportSpec(), ImportSpec(), ["public.lag"], "stream.not_in_flow", "public.log"),
        (
            ExportSpec(streams=(StreamRead(name="public.log"), StreamRead(name="public.log"))),
            ImportSpec(),
            None,
            "stream.duplicate",
            "",
        ),
    ],
)
def test_names_that_fit_nothing_are_refused_with_the_nearest(export, imported, only, code, near):
    with pytest.raises(ConfigError) as caught:
        wishes(export, imported, OFFERED, only)
    assert caught.value.code == code
    assert near in caught.value.hint


@pytest.mark.parametrize("name", ["orders", "public.order", "Public.Orders"])
def test_an_unknown_stream_names_the_nearest(name):
    with pytest.raises(SchemaError) as caught:
        selection_of(StreamRead(name=name), OFFERED, frame())
    assert caught.value.code == "stream.not_found"
    assert "public.orders" in caught.value.hint


@pytest.mark.parametrize(
    "read",
    [
        StreamRead(name="public.log", columns=("nam",)),
        StreamRead(name="public.log", where=(Filter(column="nam", value=1),)),
        StreamRead(name="public.log", mode=ReadMode.INCREMENTAL, cursor="nam"),
        StreamRead(name="public.log", cursor_fallback="nam", **INCREMENTAL),
        StreamRead(name="public.log", where=(AnyFilter(any=(Filter(column="nam", value=1),)),)),
    ],
)
def test_an_unknown_column_names_the_nearest(read):
    with pytest.raises(SchemaError) as caught:
        selection_of(read, OFFERED, frame())
    assert caught.value.code == "column.not_found"
    assert "'name'" in caught.value.hint


def test_a_mode_that_the_stream_does_not_offer_is_refused():
    plain = Stream("plain", SCHEMA)
    with pytest.raises(ConfigError) as caught:
        selection_of(StreamRead(name="plain", **INCREMENTAL), [plain], frame())
    assert caught.value.code == "read_mode.unsupported"


def test_the_cursor_must_be_read():
    with pytest.raises(ConfigError) as caught:
        selection_of(StreamRead(name="public.log", columns=("id",), **INCREMENTAL), OFFERED, frame())
    assert caught.value.code == "cursor.not_selected"


def test_a_selection_says_all_that_was_asked_for():
    read = StreamRead(
        name="public.log", columns=("at", "id"), lookback=5, where=(Filter(column="name"),), **INCREMENTAL
    )
    selection = selection_of(read, OFFERED, frame())
    where = (Filter(column="name").to_condition(),)
    assert selection == Selection(LOG, ReadMode.INCREMENTAL, ("at", "id"), where, "at", lookback=5)


def test_an_alternative_is_a_part_of_the_filter():
    either = AnyFilter(any=(Filter(column="id", value=1), Filter(column="name", value="a")))
    selection = selection_of(StreamRead(name="public.log", where=(either,)), OFFERED, frame())
    assert selection.where == (either.to_condition(),)


@pytest.mark.parametrize(
    ("exclude", "columns"),
    [
        ((), None),
        (("name",), ("id", "at")),
        (("gone",), ("id", "name", "at")),
        (("at", "gone"), ("id", "name")),
    ],
)
def test_excluded_columns_are_not_read(exclude, columns):
    assert selection_of(StreamRead(name="public.log", exclude=exclude), OFFERED, frame()).columns == columns


def test_a_column_that_comes_later_is_read_unless_it_is_excluded():
    wider = Stream("log", SCHEMA.append(pa.field("new", pa.int8())), "public")
    read = StreamRead(name="public.log", exclude=("name",))
    assert selection_of(read, [wider], frame()).columns == ("id", "at", "new")


def test_something_must_be_left_to_read():
    with pytest.raises(ConfigError) as caught:
        selection_of(StreamRead(name="public.log", exclude=("id", "at", "name")), OFFERED, frame())
    assert caught.value.code == "column.none"


def test_what_is_filtered_by_may_be_excluded():
    read = StreamRead(name="public.log", exclude=("name",), where=(Filter(column="name", value="a"),))
    assert selection_of(read, OFFERED, frame()).columns == ("id", "at")


@pytest.mark.parametrize("exclude", ["at", "id"])
def test_neither_the_cursor_nor_its_fallback_may_be_excluded(exclude):
    read = StreamRead(name="public.log", exclude=(exclude,), cursor_fallback="id", **INCREMENTAL)
    with pytest.raises(ConfigError) as caught:
        selection_of(read, OFFERED, frame())
    assert caught.value.code == "cursor.not_selected"
    assert f"Take {exclude!r} out of 'exclude'." in caught.value.hint


def test_the_fallback_of_the_cursor_is_read_too():
    read = StreamRead(name="public.log", columns=("at", "id"), cursor_fallback="id", **INCREMENTAL)
    selection = selection_of(read, OFFERED, frame())
    assert (selection.cursor, selection.cursor_fallback) == ("at", "id")
    with pytest.raises(ConfigError) as caught:
        selection_of(read.model_copy(update={"columns": ("at",)}), OFFERED, frame())
    assert caught.value.code == "cursor.not_selected"


def test_documents_are_written_beside_their_key():
    read = StreamRead(name="public.orders", columns=("at", "id"), **INCREMENTAL)
    made = target(read, StreamWrite(name="public.orders", document=True, partition_by=("id",)))
    assert made.schema == pa.schema([("id", pa.int64()), ("data", pa.string())])
    assert (made.primary_key, made.mode, made.partition_by) == (("id",), WriteMode.UPSERT, ("id",))


def test_documents_of_a_stream_without_a_key_are_all_there_is():
    made = target(StreamRead(name="public.log"), StreamWrite(name="public.log", document=True))
    assert made.schema == pa.schema([("data", pa.string())])
    assert (made.primary_key, made.mode) == ((), WriteMode.OVERWRITE)


def test_documents_can_be_partitioned_by_their_key_only():
    write = StreamWrite(name="public.orders", document=True, partition_by=("at",))
    with pytest.raises(SchemaError) as caught:
        target(StreamRead(name="public.orders"), write)
    assert caught.value.code == "column.not_found"
    assert caught.value.context["column"] == "at"


@pytest.mark.parametrize(
    ("read", "mode"),
    [
        (StreamRead(name="public.orders"), WriteMode.OVERWRITE),
        (StreamRead(name="public.orders", **INCREMENTAL), WriteMode.UPSERT),
        (StreamRead(name="public.log", **INCREMENTAL), WriteMode.APPEND),
    ],
)
def test_the_write_mode_follows_from_the_read_mode_and_the_key(read, mode):
    assert target(read).mode is mode


def test_a_target_is_named_after_its_stream_or_as_asked_for():
    assert target(StreamRead(name="public.log")).name == "log"
    write = StreamWrite(name="public.log", target="journal", partition_by=("at",), primary_key=("id", "at"))
    made = target(StreamRead(name="public.log"), write, namespace="lake")
    assert (made.name, made.namespace, made.stream) == ("journal", "lake", "public.log")
    assert (made.partition_by, made.primary_key) == (("at",), ("id", "at"))
    assert made.lineage == "flw:0"


def test_partitions_may_be_stretches_of_time():
    write = StreamWrite(name="public.log", partition_by=("month(at)", "at"))
    assert target(StreamRead(name="public.log"), write).partition_by == ("month(at)", "at")
    with pytest.raises(SchemaError) as caught:
        target(StreamRead(name="public.log"), StreamWrite(name="public.log", partition_by=("month(ta)",)))
    assert caught.value.code == "column.not_found"
    assert "'ta'" in caught.value.message


def test_an_upsert_needs_a_key_that_is_read():
    upsert = StreamWrite(name="public.log", mode=WriteMode.UPSERT)
    with pytest.raises(SchemaError) as caught:
        target(StreamRead(name="public.log"), upsert)
    assert caught.value.code == "upsert.no_key"
    with pytest.raises(SchemaError) as caught:
        target(StreamRead(name="public.orders", columns=("name", "at"), **INCREMENTAL))
    assert caught.value.code == "upsert.no_key"


def test_an_overwrite_with_what_is_new_only_would_lose_the_rest():
    overwrite = StreamWrite(name="public.log", mode=WriteMode.OVERWRITE)
    with pytest.raises(ConfigError) as caught:
        target(StreamRead(name="public.log", **INCREMENTAL), overwrite)
    assert caught.value.code == "overwrite.not_full"


def test_a_full_run_does_not_append_everything_twice():
    read = StreamRead(name="public.log", **INCREMENTAL)
    assert target(read).mode is WriteMode.APPEND
    with pytest.raises(ConfigError) as caught:
        target(read, full=True)
    assert caught.value.code == "append.not_full"


def test_two_streams_may_not_share_a_target():
    first = target(StreamRead(name="public.log"))
    second = target(StreamRead(name="public.orders"), StreamWrite(name="public.orders", target="log"))
    errors = clash({"public.log": first, "public.orders": second})
    assert list(errors) == ["public.orders"]
    assert errors["public.orders"].code == "target.duplicate"
