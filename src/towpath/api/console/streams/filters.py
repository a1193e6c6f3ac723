"""The row filter of a stream, in both forms that the document knows, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.api.console.streams.document import FilterConfig, Json, Selected
from towpath.api.console.streams.filtertext import Choice, FilterTextError, Plain, null_test, parse, text_of
from towpath.api.console.streams.values import number_of, typed
from towpath.core.errors import ConfigError
from towpath.core.filters import Operator
from towpath.core.flows import AnyFilter, Filter

Where = tuple[Filter | AnyFilter, ...]

_SIMPLE = (Operator.EQ, Operator.NE, Operator.GT, Operator.GE, Operator.LT, Operator.LE)
_NULL_TESTS = {Operator.IS_NULL: Operator.EQ, Operator.NOT_NULL: Operator.NE}
_PLAIN = {"true": True, "false": False}


def where_of(selected: Selected, words: Mapping[str, str], stream: str, field: str) -> Where:
    """The filter. The structured form counts if it has conditions, and else the text.

    ``words`` are the types of the known columns; none if nothing is known. Raises `ConfigError` with a field
    below ``field``, which is the path of the selected stream.
    """
    if selected.filter_config.conditions:
        return _structured(selected.filter_config, words, stream, f"{field}.filter_config")
    if not selected.filter.strip():
        return ()
    place = f"{field}.filter"
    try:
        choices = parse(selected.filter)
    except FilterTextError as error:
        raise _invalid(stream, f"it is not understood: {error}", place) from None
    return tuple(_clause([_checked(item, words, stream, place) for item in one]) for one in choices)


def _structured(config: FilterConfig, words: Mapping[str, str], stream: str, field: str) -> Where:
    joined = config.logical_operator.strip().lower() or "and"
    if joined not in ("and", "or"):
        raise _invalid(stream, "conditions are joined by 'and' or 'or'", f"{field}.logical_operator")
    found = []
    for index, one in enumerate(config.conditions):
        place = f"{field}.conditions.{index}"
        operator = _operator(one.operator, stream, place)
        item = _filter(one.column, operator, one.value, stream, place)
        found.append(_checked(item, words, stream, place))
    return (_clause(found),) if joined == "or" else tuple(found)


def _operator(text: str, stream: str, field: str) -> Operator:
    sign = {"<>": "!="}.get(text.strip(), text.strip())
    if sign not in _SIMPLE:
        raise _invalid(stream, "an operator is one of = != > >= < <=", f"{field}.operator")
    return Operator(sign)


def _filter(column: str, operator: Operator, value: Any, stream: str, field: str) -> Filter:
    if value is not None:
        return Filter(column=column, op=operator, value=value)
    try:
        return null_test(column, operator)
    except FilterTextError:
        raise _invalid(stream, "null can only be compared with = and !=", f"{field}.operator") from None


def _clause(items: Sequence[Filter]) -> Filter | AnyFilter:
    return items[0] if len(items) == 1 else AnyFilter(any=tuple(items))


def _checked(item: Filter, words: Mapping[str, str], stream: str, field: str) -> Filter:
    """The condition with its values in the column's type."""
    if words and item.column not in words:
        raise ConfigError(
            "column.not_found",
            f"{stream} has no column {item.column!r} to filter by.",
            hint=f"Its columns are: {', '.join(words)}.",
            field=field,
        )
    word = words.get(item.column, "null")
    try:
        return item.model_copy(update={"value": _value(item, word)})
    except ValueError as error:
        raise _invalid(stream, f"a value for {item.column!r} must be {error}", field) from None


def _value(item: Filter, word: str) -> Any:
    if item.op in (Operator.IS_NULL, Operator.NOT_NULL):
        return None
    if item.op is Operator.IN:
        return [typed(_unwrapped(value, word), word) for value in item.value]
    return typed(_unwrapped(item.value, word), "string" if item.op is Operator.LIKE else word)


def _unwrapped(value: Any, word: str) -> Any:
    """What stood without quotes says itself what it is, where the column does not."""
    if not isinstance(value, Plain):
        return value
    if word != "null":
        return value.text
    if value.text.lower() in _PLAIN:
        return _PLAIN[value.text.lower()]
    try:
        return number_of(value.text)
    except ValueError:
        return value.text


def _invalid(stream: str, reason: str, field: str) -> ConfigError:
    return ConfigError(
        "filter.invalid",
        f"The filter of {stream} cannot be used: {reason}.",
        hint='Write it like `id > 1 and created_at <= "2026-01-31"`.',
        field=field,
    )


def said(where: Sequence[Filter | AnyFilter]) -> Json:
    """The fields of a selected stream that say the filter: structured where that can be, else as text."""
    if not where:
        return {"filter": ""}
    joined, items = _joined(where)
    conditions = [_condition(item) for item in items]
    if not conditions or None in conditions:
        return {"filter": text_of(where)}
    return {"filter": "", "filter_config": {"logical_operator": joined, "conditions": conditions}}


def _joined(where: Sequence[Filter | AnyFilter]) -> tuple[str, Choice]:
    """The conditions and the one word that joins them; none if there is no such word."""
    if len(where) == 1 and isinstance(where[0], AnyFilter):
        return "or", where[0].any
    items = tuple(part for part in where if isinstance(part, Filter))
    return "and", items if len(items) == len(where) else ()


def _condition(item: Filter) -> Json | None:
    """None if the structured form does not know such a condition."""
    operator = _NULL_TESTS.get(item.op, item.op)
    if operator not in _SIMPLE:
        return None
    return {"column": item.column, "operator": str(operator), "value": item.value}
