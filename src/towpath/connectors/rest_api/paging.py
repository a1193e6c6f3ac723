"""From one page to the next, for every way of paging: what is asked for, and where an answer leads."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from towpath.connectors.rest_api.answers import MISSING, Answer, says
from towpath.connectors.rest_api.reading import Paging
from towpath.sdk import ConfigError
from towpath.sdk.rest.paging import next_link
from towpath.sdk.rest.urls import follow, origin


@dataclass(frozen=True)
class Turn:
    """Which request comes next. As JSON it is the cursor that a page leaves behind."""

    index: int = 0
    """Requests before it."""
    page: int = 0
    skip: int = 0
    token: str | None = None
    url: str | None = None
    """As a server gave it."""
    uri: str | None = None
    """A relative URI that was rendered with the page before at hand."""
    body: str | None = None
    kind: str | None = None
    """A body that was, and its content type."""
    seen: int = 0
    """Records of all answers before it."""
    start: int = 0
    """Records of its answer that are done."""
    digest: str = ""
    """Of the records before it."""

    def place(self, paging: Paging | None) -> tuple[Any, ...]:
        """What two turns have in common that ask for the same."""
        match paging.method if paging else "":
            case "url" | "linkheader":
                return (self.url,)
            case "token":
                return (self.token,)
            case _ if self.uri is not None or self.body is not None:
                return (self.uri, self.body)
            case _:
                return (self.page,)

    def words(self) -> dict[str, Any]:
        """What templates see as ``export.http.paging``."""
        return {"page": self.page, "skip": self.skip, "token": self.token or ""}

    def to_json(self) -> dict[str, Any]:
        """A plain JSON object, without what is as usual."""
        return {name: value for name, value in asdict(self).items() if value != _USUAL[name]}

    @classmethod
    def from_json(cls, cursor: Mapping[str, Any]) -> "Turn":
        """The turn of a cursor. Raises `ConfigError` ``state.invalid``."""
        kinds = {name: type(value) if value is not None else str for name, value in _USUAL.items()}
        if any(name not in kinds or not isinstance(value, kinds[name]) for name, value in cursor.items()):
            raise ConfigError(
                "state.invalid",
                "The place where reading is to go on is not one of an HTTP API.",
                hint="Begin anew, without it.",
                field="after",
            )
        return cls(**cursor)


_USUAL = asdict(Turn())


def first(paging: Paging | None) -> Turn:
    """The turn that begins."""
    return Turn(page=paging.page, skip=paging.skip, token=paging.token) if paging else Turn()


def following(paging: Paging | None, turn: Turn, answer: Answer, count: int, url: str) -> Turn | None:
    """The turn after an answer with ``count`` records, which came from ``url``; None if it was the last.

    URIs and bodies that are templates are not filled in yet.
    """
    if paging is None or _is_last(paging, turn, answer, count):
        return None
    after = replace(
        turn,
        index=turn.index + 1,
        page=turn.page + 1,
        skip=turn.skip + count,
        seen=turn.seen + count,
        start=0,
        url=None,
        uri=None,
        body=None,
        kind=None,
    )
    match paging.method:
        case "page" | "skip" | "relativeuri" | "body":
            # Nothing in the answer says that there is more; an empty one says that there is not.
            return after if count or _goes_on(paging) else None
        case "token":
            token = _told(paging, turn, answer)
            return replace(after, token=token) if token else None
        case "url":
            link = _told(paging, turn, answer)
        case _:
            link = next_link(answer.response.headers.get("link", ""), paging.link_relation)
    return replace(after, url=follow(url, link)) if link else None


def totals(paging: Paging | None, answer: Answer) -> tuple[int | None, int | None]:
    """How many records and how many pages there are, where the answer says so."""
    if paging is None:
        return None, None
    return _whole(answer, paging.max_count_path), _whole(answer, paging.max_page_path)


def leads_away(url: str, base: str) -> bool:
    """Whether the URL is of another system, which must not get the credentials."""
    return origin(url) != origin(base)


def _is_last(paging: Paging, turn: Turn, answer: Answer, count: int) -> bool:
    if paging.last_page_path:
        found = answer.at(paging.last_page_path)
        nothing = found is MISSING and not paging.last_page_values
        if nothing or (found is not MISSING and says(found, paging.last_page_values)):
            return True
    records, pages = totals(paging, answer)
    if pages is not None:
        return turn.index + 1 >= pages
    return records is not None and turn.seen + count >= records


def _goes_on(paging: Paging) -> bool:
    """Whether something else than an empty page tells the end."""
    return bool(paging.last_page_path or paging.max_page_path or paging.max_count_path)


def _told(paging: Paging, turn: Turn, answer: Answer) -> str:
    path = paging.path_after_first if turn.index and paging.path_after_first else paging.path
    if not path:
        return ""
    if paging.path_location == "header":
        return answer.response.headers.get(path.lower(), "").strip()
    found = answer.at(path)
    return "" if found is MISSING or found in (None, False, "", []) else str(found)


def _whole(answer: Answer, path: str | None) -> int | None:
    found = answer.at(path) if path else MISSING
    text = str(found).strip()
    return int(text) if text.isascii() and text.isdigit() else None
