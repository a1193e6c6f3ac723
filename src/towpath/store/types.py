"""Column types: how the values of records are written, exactly the same on SQLite and PostgreSQL."""

import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson
from pydantic import TypeAdapter
from sqlalchemy import DateTime, Dialect, SmallInteger, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from towpath.core.errors import DataError
from towpath.core.records import Counters, Level

#: Byte order on both databases, so that "in stream order" is one order.
TEXT: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")

_LEVELS = tuple(Level)


def to_json(value: Any) -> str:
    """JSON text. What orjson cannot write exactly (integers beyond 64 bits, lone surrogates) is written by
    the standard library behind one space, the sign for `from_json` to read it with the same.
    """
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return " " + _slow_json(value)


def _slow_json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DataError(
            "value.unrepresentable",
            f"Not plain JSON: {error}.",
            hint="Give texts, finite numbers, lists and objects only.",
        ) from error


def from_json(text: str) -> Any:
    """The value that `to_json` wrote."""
    return json.loads(text) if text.startswith(" ") else orjson.loads(text)


class Str(TypeDecorator[str]):
    """Text for programs: kept to the letter, or refused."""

    impl = TEXT
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is not None and not _storable(value):
            raise DataError(
                "value.unrepresentable",
                f"{value!r} holds a NUL character or half of a surrogate pair, which cannot be stored.",
                hint="Remove that character.",
            )
        return value


class Prose(TypeDecorator[str]):
    """Text for people: characters that no database can hold become U+FFFD."""

    impl = TEXT
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or _storable(value):
            return value
        clean = value.replace("\x00", "\ufffd")
        return clean.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_SURROGATE = re.compile("[\ud800-\udfff]")


def _storable(value: str) -> bool:
    """Asked of every text that is written or compared: nearly all of them are plain ASCII."""
    return "\x00" not in value and (value.isascii() or not _SURROGATE.search(value))


class Moment(TypeDecorator[datetime]):
    """An aware UTC time, exact to the microsecond."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("times in the store are aware; this one has no time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """Plain JSON, as text: no database's own idea of numbers, key order or NUL gets a say."""

    impl = TEXT
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else to_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else from_json(value)


class Strings(Json):
    """A tuple of strings."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(from_json(value))


class Counts(TypeDecorator[Counters]):
    """`Counters`."""

    impl = TEXT
    cache_ok = True

    def process_bind_param(self, value: Counters | None, dialect: Dialect) -> str | None:
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Counters | None:
        return None if value is None else Counters(**orjson.loads(value))


class Document(TypeDecorator[Any]):
    """A pydantic document, or a union of such."""

    impl = TEXT
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind
        self._adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self._adapter.dump_json(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else self._adapter.validate_json(value)


class Choice(TypeDecorator[StrEnum]):
    """A member of an enumeration, by its value."""

    impl = TEXT
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.kind(value)


class Severity(TypeDecorator[Level]):
    """A log level as a number that grows with it, so that "at least" is a comparison."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: Level | None, dialect: Dialect) -> int | None:
        return None if value is None else _LEVELS.index(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Level | None:
        return None if value is None else _LEVELS[value]
