"""What an answer says: its value by its media type, what lies at a path, and whether it is good."""

import csv
import io
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from towpath.connectors.rest_api.parts import Media, Verdict, text_of
from towpath.sdk import DataError, Tools, xmltree
from towpath.sdk.http import Response
from towpath.sdk.rest import json

_LONGEST = 2000
_NOTHING: tuple[Any, ...] = (None, "", False, [], {})
#: What lies where nothing lies.
MISSING: Final = object()


class Answer:
    """A response, read as its media type says when something of it is asked for."""

    def __init__(self, response: Response, media: Media, tools: Tools, *, has_header: bool = True) -> None:
        self.response, self._media, self.tools = response, media, tools
        self._has_header = has_header

    @cached_property
    def value(self) -> Any:
        """The whole of it as a plain value; None for an empty one. Raises `DataError`."""
        body = self.response.body
        if not body.strip():
            return None
        match self._media:
            case Media.JSON:
                return _json(self.response)
            case Media.XML:
                return {xmltree.name(self._root): xmltree.value(self._root)}
            case Media.CSV:
                return _rows(self._text, has_header=self._has_header)
            case Media.URLENCODED:
                return dict(parse_qsl(self._text, keep_blank_values=True))
            case _:
                return self._text

    def at(self, path: str) -> Any:
        """What lies at the path, of XML an XPath; `MISSING` if nothing does."""
        if self._media is Media.XML:
            found = xmltree.find(self._root, path) if self.response.body.strip() else []
            return MISSING if not found else found[0] if len(found) == 1 else found
        value = self.value
        return self.tools.value(path, value) if self.tools.has(path, value) else MISSING

    @cached_property
    def _root(self) -> Any:
        return xmltree.parse(self.response.body)

    @cached_property
    def _text(self) -> str:
        try:
            return self.response.body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(
                "answer.encoding",
                f"{self.response.url} answered with text that is not UTF-8, from byte {error.start} on.",
                hint="Ask the API for UTF-8.",
                url=self.response.url,
            ) from error

    def fault(self, verdict: Verdict) -> str | None:
        """What the verdict finds wrong; None for a good answer."""
        if verdict.success_path:
            found = self.at(verdict.success_path)
            if not _says(found, verdict.success_values, lists=verdict.allow_array):
                return f"{verdict.success_path} is not as in an answer that succeeded"
        if verdict.fail_path and says(self.at(verdict.fail_path), verdict.fail_values):
            return f"{verdict.fail_path} is as in an answer that failed"
        return None

    def told(self, verdict: Verdict) -> str:
        """What a failed answer says: at its error path, or its beginning. It may hold secrets."""
        if verdict.error_path:
            try:
                found = self.at(verdict.error_path)
            except DataError:
                found = MISSING  # Whatever it is, it is not of the type that was promised.
            if found is not MISSING and found not in _NOTHING:
                return (found if isinstance(found, str) else orjson.dumps(found).decode())[:_LONGEST]
        return self.response.body[: 4 * _LONGEST].decode(errors="replace").strip()[:_LONGEST]

    def part(self, value: Any) -> "Part":
        """A value inside of it, to be judged by itself."""
        return Part(self, value)

    def told_value(self) -> Any:
        """The value of a failed answer, None if it cannot be read."""
        try:
            return self.value
        except DataError:
            return None


def _says(found: Any, values: tuple[str, ...], *, lists: bool) -> bool:
    if found is MISSING:
        return False
    if not values:
        return found is not None and found is not False and found != ""
    if lists and isinstance(found, list):
        return any(text_of(one) in values for one in found)
    return text_of(found) in values


def says(found: Any, values: tuple[str, ...]) -> bool:
    """Whether what was found is one of the values, or, without any, something; 0 is nothing to tell."""
    if not values:
        return found is not MISSING and found not in _NOTHING
    return _says(found, values, lists=True)


def _json(response: Response) -> Any:
    """Numbers that neither 64 bits nor doubles hold exactly come as texts. # Invariant 6"""
    try:
        found = json.loads(response.body)
    except ValueError:
        return response.json()  # raises what it is
    try:
        orjson.dumps(found)
    except TypeError:
        return _storable(found)
    return found


def _storable(value: Any) -> Any:
    if isinstance(value, Decimal):
        rounded = float(value)
        return rounded if Decimal(repr(rounded)) == value else str(value)
    if isinstance(value, Mapping):
        return {name: _storable(item) for name, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list) else value


def _rows(text: str, *, has_header: bool) -> list[dict[str, str]]:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if not rows:
        return []
    names = rows.pop(0) if has_header else []
    widest = max(map(len, rows), default=0)
    names += [f"Column{place}" for place in range(len(names), widest)]
    return [dict(zip(names, row, strict=False)) for row in rows]


class Part(Answer):
    """A value inside of an answer, judged by itself."""

    def __init__(self, answer: Answer, value: Any) -> None:
        super().__init__(answer.response, Media.JSON, answer.tools)
        self.value = value

    def told(self, verdict: Verdict) -> str:
        found = self.at(verdict.error_path) if verdict.error_path else MISSING
        if found is MISSING or found in _NOTHING:
            found = self.value
        return (found if isinstance(found, str) else orjson.dumps(found).decode())[:_LONGEST]
