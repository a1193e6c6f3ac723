"""Tables of fields: what a published field is called in a connector's settings, read in both directions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.api.integrator.errors import Fault, invalid


def same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Row:
    """One field: its path in the document's section, and in the settings. ``read`` raises `ValueError`, with
    a sentence, for what it cannot take.
    """

    theirs: str
    ours: str
    read: Callable[[Any], Any] = same
    write: Callable[[Any], Any] = same


Table = Sequence[Row]


def settings(table: Table, section: Mapping[str, Any], root: str, faults: list[Fault]) -> dict[str, Any]:
    """The settings that the section says; what is null, empty or not there says nothing."""
    found: dict[str, Any] = {}
    for row in table:
        value = at(section, row.theirs)
        if value is None or value in ("", []):
            continue
        try:
            put(found, row.ours, row.read(value))
        except ValueError as error:
            faults.append(invalid(f"{root}.{row.theirs}", str(error)))
    return found


def section(table: Table, config: Mapping[str, Any]) -> dict[str, Any]:
    """The section that says these settings: each by the first of its names."""
    found: dict[str, Any] = {}
    said: set[str] = set()
    for row in table:
        value = at(config, row.ours)
        if value is not None and row.ours not in said:
            put(found, row.theirs, row.write(value))
            said.add(row.ours)
    return found


def at(document: Any, path: str) -> Any:
    """What lies at the dotted path; None if nothing does."""
    for part in path.split("."):
        if not isinstance(document, Mapping):
            return None
        document = document.get(part)
    return document


def put(document: dict[str, Any], path: str, value: Any) -> None:
    *way, last = path.split(".")
    for part in way:
        document = document.setdefault(part, {})
    document[last] = value


def number(value: Any) -> int:
    """A whole number; texts of digits are ones, as the published samples have them."""
    if isinstance(value, bool):
        raise ValueError("It is a whole number.")  # noqa: TRY004 - as its caller expects
    if isinstance(value, int) or (isinstance(value, str) and value.strip().lstrip("-").isdecimal()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError("It is a whole number.")


def yes(value: Any) -> bool:
    """True or false; the words for it, too."""
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise ValueError("It is true or false.")


def text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("It is a text.")  # noqa: TRY004 - as its caller expects
    return str(value)


def values(value: Any) -> list[Any]:
    """A list; a value alone is a list of one, and a text may have commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return list(value) if isinstance(value, list) else [value]


def words(value: Any) -> dict[str, Any]:
    """An object of plain values; some clients send it as a text of JSON."""
    import json

    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError("It is an object of names and values.") from None
    if not isinstance(value, dict) or any(isinstance(item, dict | list) for item in value.values()):
        raise ValueError("It is an object of names and values.")
    return value


def secret_words(value: Any) -> dict[str, str]:
    """The same, of texts."""
    return {name: text(item) for name, item in words(value).items() if item is not None}


def headers(value: Any) -> list[dict[str, str]]:
    """A list of names and values; an object of them will do."""
    if isinstance(value, dict):
        value = [{"name": name, "value": item} for name, item in value.items()]
    if not isinstance(value, list) or not all(isinstance(item, dict) and item.get("name") for item in value):
        raise ValueError("It is a list of objects with name and value.")
    return [{"name": text(item["name"]), "value": text(item.get("value") or "")} for item in value]


def one_of(*choices: str) -> Callable[[Any], str]:
    """One of these words, in small letters."""

    def read(value: Any) -> str:
        if str(value).lower() not in choices:
            raise ValueError(f"It is one of {', '.join(choices)}.")
        return str(value).lower()

    return read
