"""Groups, order, children and pages."""

from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import ConfigError, DataError
from towpath.dataplane import shaping


def test_records_in_a_row_are_grouped():
    records = [{"a": {"b": value}} for value in (1, 1, 2, 1, None)] + [{}, {"a": {"b": "1"}}]
    groups = list(shaping.group(records, ["a.b"]))
    assert [len(group) for group in groups] == [2, 1, 1, 2, 1]
    assert list(shaping.group([], ["a"])) == []


def test_groups_by_several_fields_and_by_objects():
    records = [{"a": 1, "b": {"x": 1}}, {"a": 1, "b": {"x": 1}}, {"a": 1, "b": {"x": 2}}]
    assert [len(group) for group in shaping.group(records, ["a", "b"])] == [2, 1]


def test_rows_are_merged_by_columns_named_as_they_are():
    rows = [{"Order No.": 1, "sku": "A"}, {"Order No.": 1, "sku": "B"}, {"Order No.": 2, "sku": "C"}]
    assert list(shaping.merge_rows(rows, ["Order No."])) == [rows[:2], rows[2:]]


def test_sorting():
    records = [{"n": value} for value in ("10", 9, None, "x", "B", 2.5, True)] + [{}]
    assert [each.get("n") for each in shaping.sort(records, [{"field": "n"}])] == [
        True, 2.5, 9, "10", "B", "x", None, None
    ]  # fmt: skip
    down = shaping.sort(records, [{"field": "n", "descending": True}])
    assert [each.get("n") for each in down] == ["x", "B", "10", 9, 2.5, True, None, None]


def test_sorting_by_several_fields_keeps_the_order_of_equals():
    records = [
        {"a": 1, "b": 1, "i": 0},
        {"a": 0, "b": 1, "i": 1},
        {"a": 1, "b": 2, "i": 2},
        {"a": 1, "b": 2, "i": 3},
    ]
    found = shaping.sort(records, [{"field": "a"}, {"field": "b", "descending": True}])
    assert [each["i"] for each in found] == [1, 2, 3, 0]
    assert shaping.sort(records, []) == records
    with pytest.raises(ConfigError):
        shaping.sort(records, [{"descending": True}])


def test_children():
    record = {"a": {"lines": [{"n": 1}, {"n": 2}], "none": []}, "text": "x", "null": None}
    assert shaping.fan_out(record, "a.lines") == [{"n": 1}, {"n": 2}]
    assert shaping.fan_out(record, "a.none") == []
    assert shaping.fan_out([{"n": 1}], None) == [{"n": 1}]
    for path in ("text", "nix", "null", "a", None):
        with pytest.raises(DataError) as caught:
            shaping.fan_out(record, path)
        assert caught.value.code == "one_to_many.not_a_list"
        assert path is None or path in caught.value.message


def size(record):
    return len(orjson.dumps(record))


def test_pages_are_cut_by_number_and_by_size():
    records = [{"a": "x" * length} for length in (10, 10, 10, 100, 10)]
    limit = 3 * size(records[0]) - 1
    cuts = list(shaping.pages(records, 20, limit))
    assert [len(cut.records) for cut in cuts] == [2, 2]
    assert [cut.too_large for cut in cuts] == [[], [records[3]]]
    assert list(shaping.pages([], 20)) == []
    (alone,) = shaping.pages([records[3]], 20, 50)
    assert (alone.records, alone.too_large) == ([], [records[3]])


def test_a_record_that_cannot_be_written_is_told_apart():
    deep = {}
    for _ in range(5000):
        deep = {"a": deep}
    (cut,) = shaping.pages([{"a": 1}, deep], 20)
    assert (cut.records, cut.too_large[0] is deep) == ([{"a": 1}], True)


numbers = st.integers(-(2**53), 2**53)
json_records = st.dictionaries(st.text(max_size=3), numbers | st.text(max_size=30) | st.none(), max_size=3)


@given(st.lists(json_records, max_size=30), st.integers(1, 6), st.integers(2, 120))
def test_no_record_is_lost_and_no_page_too_large(records, most, limit):
    cuts = list(shaping.pages(records, most, limit))
    large = [record for record in records if size(record) > limit]
    assert [record for cut in cuts for record in cut.too_large] == large
    assert [record for cut in cuts for record in cut.records] == [
        record for record in records if size(record) <= limit
    ]
    for cut in cuts:
        assert len(cut.records) <= most
        assert cut.bytes == sum(map(size, cut.records)) <= limit
    for cut, after in pairwise(cuts):
        full = not after.records or cut.bytes + size(after.records[0]) > limit
        assert full or len(cut.records) == most
