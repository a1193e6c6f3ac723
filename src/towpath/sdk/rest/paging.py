"""From one page to the next, for each kind of paging, never twice to the same one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from towpath.sdk.rest.path import MissingError, find
from towpath.sdk.rest.stream import (
    Cursor,
    LinkHeader,
    NextUrl,
    Offset,
    PageNumber,
    Single,
    StreamDefinition,
)

_LINK = re.compile(r"<([^>]*)>([^<]*)")
_REL = re.compile(r""";\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))""", re.IGNORECASE)


@dataclass(frozen=True)
class Step:
    """How to ask for a page: by query parameters, or by a URL as the server gave it."""

    query: Mapping[str, str]
    link: str = ""


@dataclass(frozen=True)
class Answer:
    """What came for a page."""

    body: Any
    headers: Mapping[str, str]
    """Names in lower case."""
    count: int
    """Records of the page."""
    seen: int
    """Records of all pages so far, this one included."""


class Pager(Protocol):
    """One kind of paging. Stateless: everything it needs stands in the step and its answer."""

    def first(self) -> Step: ...

    def after(self, step: Step, answer: Answer) -> Step | None:
        """The step to the page that follows; None if there is none."""
        ...


def pager(stream: StreamDefinition) -> Pager:
    """The pager of a stream."""
    match stream.paging:
        case PageNumber() as paging:
            return _Pages(paging)
        case Offset() as paging:
            return _Offsets(paging)
        case Cursor() as paging:
            return _Cursors(paging)
        case NextUrl() as paging:
            return _Links(_sizes(paging), lambda answer: _leaf(answer.body, paging.next))
        case LinkHeader() as paging:
            return _Links(_sizes(paging), lambda answer: next_link(answer.headers.get("link", "")))
        case Single():
            return _Links({}, lambda _: "")


def next_link(header: str, relation: str = "next") -> str:
    """The target of the link ``rel="next"`` in a ``Link`` header; empty if there is none.

    >>> next_link('<https://a.example/?page=2>; rel="next", <https://a.example/?page=9>; rel="last"')
    'https://a.example/?page=2'
    """
    for link in _LINK.finditer(header):
        told = _REL.search(link[2])
        if told and relation.lower() in (told[1] or told[2] or "").lower().split():
            return link[1]
    return ""


def total(paging: object, answer: Answer) -> int | None:
    """How many records there are in all, if the server says so where the file looks for it."""
    if not isinstance(paging, PageNumber | Offset):
        return None
    told: Any = answer.headers.get(paging.total_header.lower()) if paging.total_header else None
    if paging.total is not None:
        told = _leaf(answer.body, paging.total)
    return _whole(told)


def _ends(paging: PageNumber | Offset, answer: Answer) -> bool:
    if not answer.count or (paging.stop == "short" and answer.count < paging.size):
        return True
    known = total(paging, answer)
    return known is not None and answer.seen >= known


@dataclass(frozen=True)
class _Pages:
    paging: PageNumber

    def first(self) -> Step:
        return self._step(self.paging.first)

    def after(self, step: Step, answer: Answer) -> Step | None:
        number = int(step.query[self.paging.parameter])
        header = self.paging.pages_header.lower()
        last = _whole(answer.headers.get(header)) if header else None
        if _ends(self.paging, answer) or (last is not None and number >= self.paging.first + last - 1):
            return None
        return self._step(number + 1)

    def _step(self, number: int) -> Step:
        return Step({self.paging.parameter: str(number)} | _sizes(self.paging))


@dataclass(frozen=True)
class _Offsets:
    paging: Offset

    def first(self) -> Step:
        return self._step(0)

    def after(self, step: Step, answer: Answer) -> Step | None:
        # By what came, not by what was asked for: servers may have a lower limit of their own.
        return None if _ends(self.paging, answer) else self._step(answer.seen)

    def _step(self, number: int) -> Step:
        return Step({self.paging.parameter: str(number)} | _sizes(self.paging))


@dataclass(frozen=True)
class _Cursors:
    paging: Cursor

    def first(self) -> Step:
        return Step(_sizes(self.paging))

    def after(self, step: Step, answer: Answer) -> Step | None:
        word = _leaf(answer.body, self.paging.next)
        more = True if self.paging.more is None else _leaf(answer.body, self.paging.more)
        if word in (None, "", False) or more is False:
            return None
        return Step(_sizes(self.paging) | {self.paging.parameter: str(word)})


class _Links:
    def __init__(self, sizes: Mapping[str, str], link: Any) -> None:
        self._sizes, self._link = sizes, link

    def first(self) -> Step:
        return Step(self._sizes)

    def after(self, step: Step, answer: Answer) -> Step | None:
        found = self._link(answer)
        return replace(step, link=str(found)) if found else None


def _sizes(paging: PageNumber | Offset | Cursor | NextUrl | LinkHeader) -> dict[str, str]:
    return {paging.size_parameter: str(paging.size)} if paging.size_parameter else {}


def _leaf(body: Any, path: str) -> Any:
    """What stands at the path; None if nothing does."""
    try:
        return find(body, path)
    except MissingError:
        return None


def _whole(told: Any) -> int | None:
    text = str(told)
    return int(text) if text.isascii() and text.isdigit() else None
