"""Partitions as paths: ``/{country}/{created_at,,month}`` and ``partition_by``, both ways.

Each part is a column in braces, alone or followed by a default for nulls and a granularity; ``{created_at,
month}`` works, too. A column whose name holds one of ``{},/"`` stands in double quotes, in which a quote is
doubled.
"""

import re
from collections.abc import Collection, Container, Sequence

from towpath.core.errors import ConfigError
from towpath.core.partitions import Partition, Unit, parse

# Nothing is tried a second time (``*+``): a long text that does not fit is refused as fast as one that does.
_ITEM = r'\s*+(?:"((?:[^"]|"")*+)"\s*+|([^{},"]*+))'
_PART = re.compile(rf"\s*+\{{{_ITEM}(?:,{_ITEM})?+(?:,{_ITEM})?+\}}\s*+")
_SPECIAL = frozenset('{},/"')
_WHOLE = ("", "identity")


def partition_by(pattern: str, columns: Collection[str], stream: str, field: str) -> tuple[str, ...]:
    """``("country", "month(created_at)")``; ``columns`` are the known ones, none if nothing is known.

    Raises `ConfigError` with this field for what cannot be done: texts in the path, defaults.
    """
    text = pattern.strip().strip("/")
    found: list[str] = []
    place = 0
    while place < len(text):
        part = _PART.match(text, place)
        if part is None:
            raise _unsupported(
                stream, f"{text[place : place + 40]!r} is no column in braces", field, "Name columns only"
            )
        place = part.end()
        if place < len(text) and text[place] != "/":
            raise _unsupported(stream, "its parts are joined by slashes", field, "Put a slash between them")
        place += 1
        found.append(_entry(part, columns, stream, field))
    return tuple(found)


def _entry(part: re.Match[str], columns: Collection[str], stream: str, field: str) -> str:
    column, second, third = (_item(part, number) for number in (1, 3, 5))
    if not column or (columns and column not in columns):
        raise ConfigError(
            "column.not_found",
            f"{stream} has no column {column!r} to partition by.",
            hint=f"Its columns are: {', '.join(columns)}.",
            field=field,
        )
    default, granularity = ("", second) if third is None else (second or "", third)
    if default:
        raise _unsupported(stream, "nulls cannot be given a default", field, "Leave the default empty")
    name = (granularity or "").lower()
    if name in _WHOLE:
        return column
    if name not in tuple(Unit):
        words = ", ".join(Unit)
        raise _unsupported(stream, f"{granularity!r} is no granularity", field, f"Use one of {words}")
    entry = str(Partition(column, Unit(name)))
    if entry in columns:
        raise _unsupported(stream, f"it has a column {entry!r}, which that would mean", field, "Use that one")
    return entry


def _item(part: re.Match[str], group: int) -> str | None:
    """None if it was not given."""
    if part[group] is not None:
        return str(part[group]).replace('""', '"')
    return None if part[group + 1] is None else str(part[group + 1]).strip()


def _unsupported(stream: str, reason: str, field: str, hint: str) -> ConfigError:
    return ConfigError(
        "partition.unsupported",
        f"{stream} cannot be partitioned like this: {reason}.",
        hint=f"{hint}, as in `/{{country}}/{{created_at,,month}}`.",
        field=field,
    )


def pattern_of(entries: Sequence[str], columns: Container[str]) -> str:
    """The path that `partition_by` makes these entries of; empty for none. ``columns`` are the known ones."""
    return "".join(f"/{{{_told(parse(entry, columns))}}}" for entry in entries)


def _told(entry: Partition) -> str:
    return f"{_name(entry.column)},,{entry.unit}" if entry.unit else _name(entry.column)


def _name(column: str) -> str:
    if _SPECIAL.isdisjoint(column) and column == column.strip():
        return column
    return '"' + column.replace('"', '""') + '"'
