"""Pages of JSON records as Arrow batches; what the schema has no place for is kept in one column."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from towpath.core.errors import DataError
from towpath.sdk.rest import json, types
from towpath.sdk.rest.path import describe

#: The column of what is not declared, and of values that are not of their column's type.
OTHER = "_other"

_log = logging.getLogger("towpath.connectors.rest")


def schema_of(declared: Mapping[str, str]) -> pa.Schema:
    """The Arrow schema of a stream with these columns."""
    fields = [pa.field(name, types.arrow(kind)) for name, kind in declared.items()]
    return pa.schema([*fields, pa.field(OTHER, pa.json_())])


class Columns:
    """Makes batches of the wanted columns of one stream."""

    def __init__(
        self, stream: str, declared: Mapping[str, str], wanted: Sequence[str], keys: Sequence[str]
    ) -> None:
        """In columns of ``keys``, and where there is no `OTHER` among the wanted, a misfit is an error."""
        self._stream, self._declared, self._keys = stream, declared, frozenset(keys)
        self._wanted = tuple(wanted)
        whole = schema_of(declared)
        self.schema = pa.schema([whole.field(name) for name in wanted])
        self._told = set[str]()

    def batch(self, records: Sequence[Any], page: int) -> pa.RecordBatch:
        """The records. Raises `DataError` for what is no object, and for misfits that cannot be kept."""
        self._check(records, page)
        misfits = dict[int, list[str]]()
        arrays = {name: self._column(name, records, page, misfits) for name in self._wanted if name != OTHER}
        if OTHER in self._wanted:
            arrays[OTHER] = self._others(records, misfits)
        if not arrays:
            return pa.RecordBatch.from_struct_array(pa.array([{}] * len(records), pa.struct([])))
        return pa.RecordBatch.from_arrays([arrays[name] for name in self._wanted], schema=self.schema)

    def _check(self, records: Sequence[Any], page: int) -> None:
        if {*map(type, records)} <= {dict}:
            return
        odd = next(record for record in records if type(record) is not dict)
        raise DataError(
            "answer.malformed",
            f"Page {page} of {self._stream!r} holds {describe(odd)} where a record, an object, should be.",
            hint="Correct the `records` path of the stream.",
            stream=self._stream,
            page=page,
        )

    def _column(
        self, name: str, records: Sequence[Any], page: int, misfits: dict[int, list[str]]
    ) -> pa.Array:
        from towpath.sdk.rest.values import fit

        values = [record.get(name) for record in records]
        column, places = fit(values, self._declared[name])
        if places:
            self._tell(name, values[places[0]], page)
        for place in places:
            misfits.setdefault(place, []).append(name)
        return column

    def _tell(self, name: str, value: Any, page: int) -> None:
        what = f"{describe(value)} that is no {self._declared[name]}"
        where = f"page {page} of {self._stream!r}"
        if name in self._keys or OTHER not in self._wanted:
            raise DataError(
                "value.unrepresentable",
                f"The field {name!r} on {where} holds {what}.",
                hint=f"Declare its type as it comes, or read the column {OTHER!r}, which keeps such values; "
                "keys and cursors must always fit.",
                stream=self._stream,
                page=page,
                column=name,
            )
        if name not in self._told:
            self._told.add(name)
            _log.warning("The field %r on %s holds %s: kept in %s.", name, where, what, OTHER)

    def _others(self, records: Sequence[Any], misfits: Mapping[int, Sequence[str]]) -> pa.Array:
        declared = self._declared.keys()
        texts = list[str | None]()
        for place, record in enumerate(records):
            rest = {name: value for name, value in record.items() if name not in declared}
            if place in misfits:
                rest |= {name: record[name] for name in misfits[place]}
            texts.append(json.dumps(rest) if rest else None)
        return pa.json_().wrap_array(pa.array(texts, pa.string()))
