"""Pieces of SQL that every SQL connector composes: identifiers, literals, row filters.

Values that come from users (row filters) and from stored states reach a statement either as a bound
parameter or through `literal`, never in another way; names only through `quote`.
"""

import math
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from typing import Any
from uuid import UUID

from towpath.core.errors import ConfigError, SchemaError
from towpath.core.filters import AnyOf, Clause, Operator
from towpath.core.model import Selection

_POSTFIX = {Operator.IS_NULL: "IS NULL", Operator.NOT_NULL: "IS NOT NULL"}
_SIGN = {
    Operator.EQ: "=",
    Operator.NE: "<>",
    Operator.LT: "<",
    Operator.LE: "<=",
    Operator.GT: ">",
    Operator.GE: ">=",
    Operator.LIKE: "LIKE",
}
#: Longer chains of AND or OR become trees: SQLite takes none that is deeper than 1000.
_CHAIN = 256


def quote(name: str, mark: str = '"') -> str:
    """The identifier, exactly as named, whatever characters it holds; MySQL's ``mark`` is a backtick.

    >>> print(quote('a "b" c'), quote("a`b", "`"))
    "a ""b"" c" `a``b`
    """
    if "\0" in name:
        raise SchemaError(
            "name.invalid",
            f"The name {name!r} holds a NUL character, which no SQL system can take.",
            hint="Rename the table or column.",
        )
    return mark + name.replace(mark, mark * 2) + mark


def literal(value: object, *, backslashes: bool = False) -> str:
    """A SQL literal of a JSON scalar, decimal, date, time or uuid; ``backslashes`` is MySQL's escaping.

    >>> print(literal("it's"), literal(None), literal(True), literal(-1.5))
    'it''s' NULL TRUE -1.5
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    if isinstance(value, str | datetime | date | time | UUID) and "\0" not in str(value):
        text = str(value).replace("'", "''")
        return "'" + (text.replace("\\", "\\\\") if backslashes else text) + "'"
    raise ConfigError(
        "filter.invalid",
        f"{value!r} cannot be written as a SQL value.",
        hint="Use text, numbers, true or false; dates and decimals are written as text.",
    )


def condition(item: Clause, *, mark: str = '"', backslashes: bool = False) -> str:
    """One part of a filter as SQL. As in SQL, a comparison with null is not true, and an empty IN never is.

    >>> from towpath.core.filters import Condition
    >>> print(condition(AnyOf((Condition("a", Operator.IN, [1, "x"]), Condition("b", Operator.IS_NULL)))))
    ("a" IN (1, 'x') OR "b" IS NULL)
    """
    if isinstance(item, AnyOf):
        return any_of([condition(one, mark=mark, backslashes=backslashes) for one in item.conditions])
    column = quote(item.column, mark)
    if item.operator in _POSTFIX:
        return f"{column} {_POSTFIX[item.operator]}"
    if item.operator is Operator.IN:
        return _one_of(column, item.value, backslashes=backslashes)
    return f"{column} {_SIGN[item.operator]} {literal(item.value, backslashes=backslashes)}"


def _one_of(column: str, values: Sequence[Any], *, backslashes: bool) -> str:
    if not values:
        return "1 = 0"
    return f"{column} IN ({', '.join(literal(value, backslashes=backslashes) for value in values)})"


def any_of(parts: Sequence[str]) -> str:
    """One or more conditions of which one is enough, in brackets.

    >>> print(any_of(["a = 1", "b = 2"]))
    (a = 1 OR b = 2)
    """
    return f"({_chain(' OR ', parts)})"


def _chain(word: str, parts: Sequence[str]) -> str:
    if len(parts) <= _CHAIN:
        return word.join(parts)
    half = len(parts) // 2
    return f"({_chain(word, parts[:half])}){word}({_chain(word, parts[half:])})"


def where(conditions: Sequence[Clause], *, mark: str = '"', backslashes: bool = False) -> str:
    """The row filter without the word WHERE, joined by AND; an empty text if there is none.

    >>> from towpath.core.filters import Condition
    >>> print(where([Condition("a", Operator.GE, 1), Condition("b", Operator.NOT_NULL)]))
    "a" >= 1 AND "b" IS NOT NULL
    """
    parts = [condition(item, mark=mark, backslashes=backslashes) for item in conditions]
    return _chain(" AND ", parts)


def clause(*parts: str) -> str:
    """`` WHERE …`` of the parts that are not empty, joined by AND; an empty text if all are.

    >>> print("SELECT 1" + clause("", "a = 1", "b = 2") + clause(""))
    SELECT 1 WHERE a = 1 AND b = 2
    """
    told = [part for part in parts if part]
    return f" WHERE {_chain(' AND ', told)}" if told else ""


def coalesce(expressions: Sequence[str]) -> str:
    """The first of one or more values that is not null. One alone stays as it is: an index may serve it.

    >>> print(coalesce(["a"]), coalesce(["a", "b"]))
    a COALESCE(a, b)
    """
    return expressions[0] if len(expressions) == 1 else f"COALESCE({', '.join(expressions)})"


def check_columns(selection: Selection) -> None:
    """Raise `SchemaError` ``column.not_found`` for the first column named that the stream has not."""
    known = selection.stream.schema.names
    named = [*(selection.columns or ()), *(name for part in selection.where for name in part.columns)]
    cursors = [name for name in (selection.cursor, selection.cursor_fallback) if name]
    for name in [*named, *cursors]:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            guess = f"Did you mean {near[0]!r}? " if near else ""
            raise SchemaError(
                "column.not_found",
                f"The stream {selection.stream.key!r} has no column {name!r}.",
                hint=f"{guess}Its columns are: {', '.join(known)}.",
                stream=selection.stream.key,
                column=name,
            )
