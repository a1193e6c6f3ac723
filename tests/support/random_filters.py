"""Any filter passes the very records that plain Python finds, whatever source it is pushed down to."""

import datetime as dt
import itertools
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from towpath.core.filters import AnyOf, Clause, Condition, Operator, comparisons
from towpath.core.model import Selection
from towpath.sdk.testing.source_harness import SourceHarness

_MOMENTS = ["1999-12-31 23:59:59.999999", "2024-02-29 00:00:00"]
#: Column → (type, JSON values of records and conditions, how Python reads them).
COLUMNS: Mapping[str, tuple[pa.DataType, list[Any], Callable[[Any], Any]]] = {
    "n": (pa.int64(), [-1, 0, 7], int),
    "t": (pa.string(), ["ab", "b", "it's"], str),
    "d": (pa.decimal128(10, 2), ["-0.50", "2.25"], Decimal),
    "at": (
        pa.timestamp("us"),
        ["1999-12-31 23:59:59.999999", "2024-02-29 00:00:00"],
        dt.datetime.fromisoformat,
    ),
    "u": (pa.uuid(), [str(UUID(int=1)), str(UUID(int=2**127 + 5))], UUID),
}
_ORDERED = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}
#: Systems order texts and UUIDs in ways of their own.
_UNORDERED = {"t": (Operator.EQ, Operator.NE), "u": (Operator.EQ, Operator.NE)}


def every_combination() -> pa.Table:
    """A record for each combination of the values, null among them."""
    values = [[None, *map(read, known)] for _, known, read in COLUMNS.values()]
    rows = [
        {"id": id, **dict(zip(COLUMNS, row, strict=True))}
        for id, row in enumerate(itertools.product(*values))
    ]
    fields = [("id", pa.int64()), *((name, kind) for name, (kind, *_) in COLUMNS.items())]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    name = draw(st.sampled_from(sorted(COLUMNS)))
    value = st.sampled_from(COLUMNS[name][1])
    choices = [
        st.builds(Condition, st.just(name), st.sampled_from([Operator.IS_NULL, Operator.NOT_NULL])),
        st.builds(Condition, st.just(name), st.just(Operator.IN), st.lists(value, max_size=3)),
        st.builds(Condition, st.just(name), st.sampled_from(_UNORDERED.get(name, [*_ORDERED])), value),
    ]
    if name == "t":
        patterns = st.sampled_from(["%b", "a_", "%", "_", "it'%", "%'%"])
        choices.append(st.builds(Condition, st.just(name), st.just(Operator.LIKE), patterns))
    return draw(st.one_of(choices))


ALTERNATIVES = st.builds(AnyOf, st.lists(conditions(), min_size=1, max_size=4).map(tuple))
FILTERS = st.lists(conditions() | ALTERNATIVES, max_size=4).map(tuple)


def holds(condition: Condition, row: Mapping[str, Any]) -> bool:
    """Whether it is true of the record; comparing null with anything is not."""
    found, read = row[condition.column], COLUMNS[condition.column][2]
    match condition.operator:
        case Operator.IS_NULL:
            return found is None
        case Operator.NOT_NULL:
            return found is not None
        case Operator.IN:
            return found in [read(value) for value in condition.value]
        case Operator.LIKE:
            pattern = re.escape(condition.value).replace("%", ".*").replace("_", ".")
            return found is not None and re.fullmatch(pattern, found) is not None
        case other:
            return found is not None and bool(_ORDERED[other](found, read(condition.value)))


def is_true(row: Mapping[str, Any], part: Clause) -> bool:
    """Whether one of its conditions holds, or the only one."""
    return any(holds(condition, row) for condition in comparisons([part]))


class RandomFilters(SourceHarness):
    """To be mixed into the contract of a source."""

    #: How many filters are tried: fewer where each takes a while.
    filters: ClassVar[int] = 60

    def test_any_filter_passes_what_plain_python_finds(self, config: Any) -> None:
        table = every_combination()
        stream = self.loaded(config, table, "mixed")
        rows = table.to_pylist()

        @settings(max_examples=self.filters, deadline=None)
        @given(FILTERS)
        def agrees(where: tuple[Clause, ...]) -> None:
            found, _ = self.read(config, Selection(stream, columns=("id",), where=where))
            passing = [row for row in rows if all(map(partial(is_true, row), where))]
            assert sorted(row["id"] for row in found) == [row["id"] for row in passing]

        agrees()
