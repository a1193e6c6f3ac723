"""Names of streams and values become safe file names, reversibly."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.sdk import DataError, SchemaError
from towpath.sdk.files import evolve, names

HOSTILE = st.text(st.sampled_from("./\\%_~=*?: \0\n\"'aÉ☃𝄞é́"), max_size=40) | st.text(max_size=120)


@given(HOSTILE)
def test_a_name_is_one_safe_visible_component(name: str):
    safe = names.encode(name)
    assert safe
    assert "/" not in safe
    assert "\\" not in safe
    assert "\0" not in safe
    assert safe[0] not in "._"
    assert len(safe.encode()) <= 200


@given(HOSTILE)
def test_names_come_back(name: str):
    safe = names.encode(name)
    if "~" not in safe:
        assert names.decode(safe) == name


@given(HOSTILE, HOSTILE)
def test_different_names_get_different_folders(one: str, other: str):
    assert (names.encode(one) == names.encode(other)) == (one == other)


def test_long_names_stay_apart():
    long = "é" * 300
    assert names.encode(long + "1") != names.encode(long + "2")


@given(st.text(max_size=20), st.none() | st.text(max_size=20))
def test_partition_folders_come_back(column: str, value: str | None):
    if len(column.encode()) + len((value or "").encode()) > 60:
        return
    folder = names.partition(column, value)
    assert "/" not in folder
    key, _, text = folder.partition("=")
    assert names.decode(key) == column
    assert (None if text == names.NULL else names.decode(text)) == value


def test_a_value_too_long_for_a_folder_is_refused():
    with pytest.raises(DataError) as caught:
        names.partition("day", "x" * 500)
    assert caught.value.code == "value.unrepresentable"


@pytest.mark.parametrize(
    ("one", "two", "both"),
    [
        (pa.int32(), pa.int64(), pa.int64()),
        (pa.uint32(), pa.int32(), pa.int64()),
        (pa.uint64(), pa.int64(), None),
        (pa.int32(), pa.float64(), pa.float64()),
        (pa.int64(), pa.float64(), None),
        (pa.float32(), pa.float64(), pa.float64()),
        (pa.decimal128(10, 2), pa.decimal128(8, 4), pa.decimal128(12, 4)),
        (pa.decimal128(38, 0), pa.decimal128(38, 10), None),
        (pa.int64(), pa.decimal128(10, 2), pa.decimal128(22, 2)),
        (pa.null(), pa.date32(), pa.date32()),
        (pa.string(), pa.large_string(), pa.large_string()),
        (pa.string(), pa.int64(), None),
        (pa.timestamp("us"), pa.timestamp("us", "UTC"), None),
    ],
)
def test_types_widen_without_loss_or_not_at_all(one, two, both):
    """# Invariant 10"""
    assert evolve.wider(one, two) == both
    assert evolve.wider(two, one) == both


def test_an_incompatible_column_is_named():
    with pytest.raises(SchemaError, match="'a'") as caught:
        evolve.merge(pa.schema([("a", pa.int64())]), pa.schema([("a", pa.binary())]), "'t'")
    assert caught.value.code == "schema.incompatible"
