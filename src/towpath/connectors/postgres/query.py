"""The queries that read records."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from towpath.connectors.postgres.catalog import Relation
from towpath.connectors.postgres.types import Column
from towpath.sdk import SchemaError, Selection
from towpath.sdk.cursor import names
from towpath.sdk.sql import clause, coalesce, quote


@dataclass(frozen=True)
class Query:
    """What to read of one relation. In ``conditions`` and ``order`` the relation is called ``t``."""

    columns: tuple[Column, ...]
    relation: str
    """Its quoted name."""
    conditions: tuple[str, ...] = ()
    """SQL; all must hold."""
    order: str = ""

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([column.field for column in self.columns])

    def sql(self, expressions: Sequence[str] = ()) -> str:
        """The statement; ``expressions`` instead of the columns' own, if there are any."""
        selected = ", ".join(expressions or [column.expression for column in self.columns])
        order = f" ORDER BY {self.order}" if self.order else ""
        return f"SELECT {selected} FROM {self.relation} AS t{clause(*self.conditions)}{order}"


def chosen(relation: Relation, selection: Selection, named: Sequence[str]) -> tuple[Column, ...]:
    """The relation's columns of these names, which must be there still and of the types of the selection.

    Raises `SchemaError`.
    """
    if not named:
        raise SchemaError(
            "stream.no_columns",
            f"No column of {selection.stream.key!r} is selected.",
            hint="Select one column at least.",
            stream=selection.stream.key,
        )
    return tuple(_chosen(relation, selection, name) for name in named)


def _chosen(relation: Relation, selection: Selection, name: str) -> Column:
    column = relation.columns.get(name)
    if column is None:
        raise SchemaError(
            "column.not_found",
            f"The column {name!r} of {selection.stream.key!r} is gone, or the user may not read it any more.",
            hint="Discover the streams again.",
            stream=selection.stream.key,
            column=name,
        )
    known = selection.stream.schema.field(name).type
    if column.type != known:
        raise SchemaError(
            "schema.changed",
            f"The column {name!r} of {selection.stream.key!r} was {known} and is {column.native} now, "
            f"which reads as {column.type}.",
            hint="Discover the streams again.",
            stream=selection.stream.key,
            column=name,
        )
    return column


def cursor_of(selection: Selection) -> str:
    """The cursor of the relation called ``t``, as it is compared and ordered."""
    return coalesce([f"t.{quote(name)}" for name in names(selection)])
