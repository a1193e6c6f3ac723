"""How a target's columns change to take what comes: additive, never losing a value. # Invariant 10"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from towpath.connectors.mysql import spelling
from towpath.connectors.mysql.columns import Column, usual
from towpath.connectors.mysql.dialect import Dialect, is_exact, pads
from towpath.connectors.mysql.place import Place
from towpath.connectors.mysql.query import name as quoted
from towpath.connectors.mysql.table import Found, Table
from towpath.connectors.mysql.types import arrow_type, base_type
from towpath.sdk import SchemaError, Target, WriteMode
from towpath.sdk.widening import widest

_UNICODE = "utf8mb4"
_ALTER = "Alter the table, give the stream another target, or write it in overwrite mode."


@dataclass(frozen=True)
class Shape:
    """The columns that are written, as the target has or will have them, and what makes it so."""

    columns: tuple[Column, ...]
    clauses: tuple[str, ...] = ()
    """Of the ALTER TABLE that must come first."""


def evolved(table: Table, target: Target, place: Place, wanted: Sequence[Column], dialect: Dialect) -> Shape:
    """How the target takes the wanted columns. Raises `SchemaError` if no lossless change does it."""
    columns, clauses = list[Column](), list[str]()
    for column in wanted:
        found = table.columns.get(column.name.lower())
        if found is None:
            added = replace(column, key=False)
            columns.append(added)
            clauses.append(f"ADD COLUMN {added.declared}")
            continue
        made = _Meeting(table, place, column, found, dialect).settled()
        columns.append(made)
        if made.type != found.type:
            clauses.append(f"MODIFY COLUMN {replace(made, key=not found.nullable).declared}")
    _check_needs(table, place, wanted)
    if target.mode is WriteMode.UPSERT:
        _check_key(table, place, target)
    return Shape(tuple(columns), tuple(clauses))


@dataclass(frozen=True)
class _Meeting:
    """A column that is wanted, and the one of its name that is there."""

    table: Table
    place: Place
    column: Column
    found: Found
    dialect: Dialect

    def settled(self) -> Column:
        """The column as it will be."""
        found = self.found
        if found.generated:
            raise self._refusal("is computed by the table itself", "Leave the column out of the flow.")
        if self.column.key and not is_exact(found.collation):
            raise self._refusal(
                f"has the collation {found.collation}, in which different keys are equal",
                "Give the column a collation that ends in _bin.",
            )
        kept = replace(self.column, type=found.type, collation=found.collation, pads=self._pads())
        if found.type == self.column.type or pa.types.is_null(self.column.source):
            return self._legible(kept)
        for family in (spelling.TEXTS, spelling.BINARIES):
            if base_type(found.type) in family and base_type(self.column.type) in family:
                return self._legible(self._lengthened(kept))
        return self._widened(kept)

    def _pads(self) -> bool:
        char = base_type(self.found.type) == "char" and self.column.type != self.found.type
        return char or (self.column.key and pads(self.found.collation))

    def _legible(self, kept: Column) -> Column:
        """A column of another character set may not have every letter."""
        if self.found.charset in ("", _UNICODE):
            return kept
        raise self._refusal(
            f"has the character set {self.found.charset}",
            f"ALTER TABLE {self.place.table} CONVERT TO CHARACTER SET utf8mb4.",
        )

    def _lengthened(self, kept: Column) -> Column:
        """A text that is longer; one with an index stays, and longer values are rejected one by one."""
        if base_type(self.found.type) == "binary":
            raise self._incompatible()
        enough = spelling.takes(self.found.type) >= spelling.room(self.column.type)
        if enough or self.column.key or self.table.is_indexed(self.found.name):
            return kept
        return self._modified(replace(kept, type=self.column.type, pads=False))

    def _widened(self, kept: Column) -> Column:
        mine, wanted = base_type(self.found.type), base_type(self.column.type)
        if mine == wanted and mine in ("datetime", "time", "timestamp"):
            finer = spelling.fraction(self.found.type) >= spelling.fraction(self.column.type)
            return kept if finer else self._modified(replace(kept, type=self.column.type))
        have, want = self.found.arrow, arrow_type(self.column.type)
        wide = None if pa.types.is_string(have) or pa.types.is_string(want) else widest(have, want)
        if wide is None or have == pa.bool_():
            raise self._incompatible()
        if wide == have and mine != "year":
            return kept
        return self._modified(replace(kept, type=usual(wide, self.dialect).type))

    def _modified(self, made: Column) -> Column:
        if not self.found.plain:
            raise self._incompatible()
        return made

    def _incompatible(self) -> SchemaError:
        return self._refusal(
            f"is {self.found.type}, which cannot hold {self.column.type} without loss", _ALTER
        )

    def _refusal(self, why: str, hint: str) -> SchemaError:
        return SchemaError(
            "schema.incompatible",
            f"The column {self.found.name!r} of {self.place.table} {why}.",
            hint=hint,
            column=self.found.name,
        )


def _check_needs(table: Table, place: Place, wanted: Sequence[Column]) -> None:
    """Columns that must have a value must be given one."""
    given = {column.name.lower() for column in wanted}
    for key, found in table.columns.items():
        if key not in given and not (found.nullable or found.default or found.extra):
            raise SchemaError(
                "schema.incompatible",
                f"The column {found.name!r} of {place.table} takes no nulls, and the stream has it not.",
                hint="Give the column of the table a default, or let it be null.",
                column=found.name,
            )


def _check_key(table: Table, place: Place, target: Target) -> None:
    """An upsert leans on the unique index over its key, and stumbles over any other."""
    key = {name.lower() for name in target.primary_key}
    unique = [index for index in table.indexes if index.unique]
    others = [index.name for index in unique if set(index.columns) != key]
    if len(others) < len(unique) and not others:
        return
    listed = ", ".join(map(quoted, target.primary_key))
    raise SchemaError(
        "schema.incompatible",
        f"{place.table} has the unique index {others[0]!r} besides its key ({listed}), and an upsert "
        "could replace a record that only shares its values."
        if others
        else f"{place.table} has no unique index over the key ({listed}) to upsert by.",
        hint="Drop that index, or write to another target."
        if others
        else f"ALTER TABLE {place.table} ADD PRIMARY KEY ({listed}), or write to another target.",
        stream=target.stream,
    )


def is_same(table: Table, columns: Sequence[Column]) -> bool:
    """Whether the target has exactly these columns, in this order."""
    return [(found.name, _stored(found.type), found.charset) for found in table.columns.values()] == [
        (column.name, _stored(column.type), _UNICODE if column.words else "") for column in columns
    ]


def _stored(type: str) -> str:
    return type.replace("tinyint(1)", "tinyint")


def is_replaceable(table: Table, key: Sequence[str]) -> bool:
    """Whether a new table may take its place without anybody losing anything."""
    own = tuple(name.lower() for name in key)
    return not table.attached and all(
        index.name == "PRIMARY" and index.columns == own for index in table.indexes
    )
