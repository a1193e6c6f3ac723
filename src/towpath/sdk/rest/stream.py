"""What the file of a declarative connector may hold: one stream."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from towpath.sdk.rest import types
from towpath.sdk.rest.auth import Part, Template
from towpath.sdk.rest.path import check as check_path

Path = Annotated[str, AfterValidator(check_path)]
TypeName = Annotated[str, AfterValidator(types.check)]


class _Sized(Part):
    size_parameter: str = Field("", description="Query parameter for the number of records of a page.")
    size: int = Field(100, ge=1, le=100_000, description="Records of a page, as asked for.")


class _Counted(_Sized):
    stop: Literal["empty", "short"] = Field(
        "empty",
        description="`empty`: at the first page without records, which costs one more request and is safe. "
        "`short`: at the first page with fewer records than asked for.",
    )
    total: Path | None = Field(None, description="Where the answer says how many records there are in all.")
    total_header: str = Field("", description="The header that says so.")


class PageNumber(_Counted):
    """Pages are numbered."""

    type: Literal["page"]
    parameter: str = Field(min_length=1, description="Query parameter for the number of the page.")
    first: int = Field(1, ge=0, le=1)
    pages_header: str = Field("", description="The header that says how many pages there are.")


class Offset(_Counted):
    """Pages are asked for by the number of records before them."""

    type: Literal["offset"]
    parameter: str = Field(min_length=1, description="Query parameter for the number of records to skip.")


class Cursor(_Sized):
    """Each answer holds a word that leads to the next page."""

    type: Literal["cursor"]
    parameter: str = Field(min_length=1, description="Query parameter for the word.")
    next: Path = Field(description="Where the answer holds it. The last page has none, or null.")
    more: Path | None = Field(None, description="Where the answer says, true or false, if there is more.")


class NextUrl(_Sized):
    """Each answer holds the URL of the next page."""

    type: Literal["next_url"]
    next: Path = Field(description="Where the answer holds it. The last page has none, or null.")


class LinkHeader(_Sized):
    """Each answer has a ``Link`` header with the URL of the next page (RFC 8288, ``rel="next"``)."""

    type: Literal["link_header"]


class Single(Part):
    """There is one page."""

    type: Literal["none"]


Paging = Annotated[PageNumber | Offset | Cursor | NextUrl | LinkHeader | Single, Field(discriminator="type")]


class Incremental(Part):
    """How to ask for what changed since the last read."""

    cursor: str = Field(min_length=1, description="Column: an integer, date or timestamp that only grows.")
    parameter: str = Field(min_length=1, description="Query parameter that asks for it.")
    value: Template = Field("{since}", description="What the parameter holds.")
    format: Literal["iso", "date", "epoch_s", "epoch_ms", "number"] = Field(
        "iso", description="How `{since}` is written; timestamps in UTC."
    )
    inclusive: bool = Field(True, description="Whether records *at* that value are sent, too.")
    ordered: bool = Field(
        False, description="The records come in ascending order of the cursor: reads can then be resumed."
    )
    query: dict[str, Template] = Field(
        default_factory=dict, description="Further parameters of incremental reads, such as the order."
    )


class StreamDefinition(Part):
    """One series of records."""

    title: str = ""
    summary: str = ""
    path: Template = Field(pattern="^/", description="Appended to the base URL.")
    method: Literal["GET", "POST"] = "GET"
    query: dict[str, Template] = Field(default_factory=dict)
    body: dict[str, Any] | None = Field(None, description="JSON body of a POST, as it is.")
    records: Path = Field(description="Where the answer holds the list of records: `$`, `data.items`.")
    primary_key: tuple[str, ...] = ()
    columns: dict[str, TypeName] = Field(
        min_length=1, alias="schema", description="Type of each column. All else goes to `_other`."
    )
    paging: Paging = Single(type="none")
    incremental: Incremental | None = None
    intervals: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (), description="How often, in seconds, users may have it read; empty for the usual choice."
    )
