"""Cuts a JSON Lines file into blocks of whole lines, and lines into records."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

_BLOCK_BYTES = 4 << 20
_SPACE = re.compile(r"[ \t\n\r]*")


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(members)
    if len(record) != len(members):
        raise ValueError("a member comes twice")
    return record


_decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_unique)


@dataclass(frozen=True)
class Block:
    """Whole lines of a file."""

    data: bytes
    line: int
    """Number of the first line, from 1."""

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Lines that are not blank, with their numbers."""
        for number, line in enumerate(self.data.split(b"\n"), self.line):
            if line.strip():
                yield number, line


def blocks(stream: pa.NativeFile) -> Iterator[Block]:
    """The file's blocks. A line longer than a block makes its block longer."""
    rest, line = bytearray(), 1
    while chunk := stream.read(_BLOCK_BYTES):
        end = chunk.rfind(b"\n") + 1
        if not end:
            rest += chunk
            continue
        data = bytes(rest) + chunk[:end] if rest else chunk[:end]
        yield Block(_without_mark(data, line), line)
        line += data.count(b"\n")
        rest = bytearray(chunk[end:])
    if rest:
        yield Block(_without_mark(bytes(rest), line), line)


def _without_mark(data: bytes, line: int) -> bytes:
    return data.removeprefix(b"\xef\xbb\xbf") if line == 1 else data


def parse(line: bytes, raw: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The record of one line, with every digit: fractions are `Decimal`. Raises `ValueError`.

    The values of the members in ``raw`` stay the text that stands in the line (None for null).
    """
    text = line.decode()
    if not raw:
        whole = _decoder.decode(text)
        if isinstance(whole, dict):
            return whole
        raise ValueError("not a JSON object")
    return _members(text, raw)


def _members(text: str, raw: frozenset[str]) -> dict[str, Any]:
    """The same, member by member, to know where each value stands."""
    place = _after_space(text, 0)
    if text[place : place + 1] != "{":
        raise ValueError("not a JSON object")
    record: dict[str, Any] = {}
    place = _after_space(text, place + 1)
    while text[place : place + 1] != "}":
        name, value, place = _member(text, place, raw)
        if name in record:
            raise ValueError(f"the member {name!r} comes twice")
        record[name] = value
        place = _after_comma(text, place)
    if _after_space(text, place + 1) != len(text):
        raise ValueError("more than one value")
    return record


def _member(text: str, place: int, raw: frozenset[str]) -> tuple[str, Any, int]:
    if text[place : place + 1] != '"':
        raise ValueError("a member name in quotes is missing")
    scan: Callable[..., tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]  # not in the stubs
    name, place = scan(text, place + 1, True)
    place = _after_space(text, place)
    if text[place : place + 1] != ":":
        raise ValueError("a colon is missing")
    start = _after_space(text, place + 1)
    value, place = _decoder.raw_decode(text, start)
    return name, text[start:place] if name in raw and value is not None else value, place


def _after_comma(text: str, place: int) -> int:
    place = _after_space(text, place)
    if text[place : place + 1] == ",":
        after = _after_space(text, place + 1)
        if text[after : after + 1] == "}":
            raise ValueError("a comma too many")
        return after
    if text[place : place + 1] != "}":
        raise ValueError("a comma or the end of the object is missing")
    return place


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place
