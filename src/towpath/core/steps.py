"""What a user says about the steps of the records lane: reading page by page, writing record by record.

The languages in them (mapping, filter, transform, templates) are JSON as published: `towpath.dataplane`
compiles them. ``request`` is for the connector's application, in its own words (`Connector.reading`,
`Connector.writing`). None of these documents ever holds a secret.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

#: Records of a page where nobody says how many.
PAGE_SIZE = 20
#: Bytes of a page, as JSON; a single record above it is an error of that record.
PAGE_BYTES = 5 * 1024 * 1024


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hook(_Document):
    """A function of the user's own that is called on the way, on an extension server or of a plug-in."""

    function: str
    stack: str | None = None
    """Id of the connection to the extension server; None for a Python function of the group
    ``towpath.hooks``."""
    app: str | None = None
    """The ``_connectorId`` of the app whose functions on the stack are meant; None: the user's own."""
    configuration: Mapping[str, Any] = Field(default_factory=dict)


class Delta(_Document):
    """Only what has changed since the last run that succeeded."""

    field: str | None = None
    """The record's date; None where the request itself asks for ``lastExportDateTime``."""
    format: str | None = None
    """moment.js pattern; None for ISO 8601."""
    start: datetime | None = None
    """Where the first run begins; None for the beginning."""
    lag: float = 0
    """Seconds taken off the cutoff, for systems in which records appear late; negative to look ahead."""


class Once(_Document):
    """Only records whose flag is false; it is set when they were processed without an error."""

    field: str | None = None
    """The boolean field; None where the request says how the flag is set."""


Place = Literal["pre_save_page", "pre_map", "post_map", "post_submit", "post_aggregate", "post_response_map"]


class PageRead(_Document):
    """How an export reads pages of records."""

    kind: Literal["all", "delta", "once", "test", "webhook", "simple"] = "all"
    page_size: Annotated[int, Field(ge=1, le=10_000)] = PAGE_SIZE
    limit: Annotated[int, Field(ge=1, le=100)] | None = None
    """Of a test: how many records."""
    delta: Delta | None = None
    once: Once | None = None
    lookup: bool = False
    """Whether it is read for each record of a flow, and does not begin one."""
    request: Mapping[str, Any] = Field(default_factory=dict)
    transform: Mapping[str, Any] | None = None
    filter: Mapping[str, Any] | None = None
    """Records that it leaves out count as filtered."""
    input_filter: Mapping[str, Any] | None = None
    """Of a lookup: records for which it is not read; they go on."""
    group_by: tuple[str, ...] = ()
    sort_by: tuple[Mapping[str, Any], ...] = ()
    one_to_many: bool = False
    path_to_many: str | None = None
    hooks: Mapping[Place, Hook] = Field(default_factory=dict)
    trace_key: str | None = None
    """Template of what a record is known by through the flow."""
    data_uri: str | None = None
    """Template of a link to the record in its system."""
    settings: Mapping[str, Any] = Field(default_factory=dict)


class RecordWrite(_Document):
    """How an import writes records, one by one or in batches."""

    request: Mapping[str, Any] = Field(default_factory=dict)
    filter: Mapping[str, Any] | None = None
    """Records that it leaves out are not sent, count as filtered, and go on."""
    mapping: Mapping[str, Any] | None = None
    """Mapper 1.0; at most one of the two."""
    mappings: tuple[Mapping[str, Any], ...] | None = None
    """Mapper 2.0."""
    lookups: tuple[Mapping[str, Any], ...] = ()
    transform: Mapping[str, Any] | None = None
    """Of the answer."""
    one_to_many: bool = False
    path_to_many: str | None = None
    ignore_existing: bool = False
    ignore_missing: bool = False
    hooks: Mapping[Place, Hook] = Field(default_factory=dict)
    id_lock: str | None = None
    """Template of a key: records with equal keys are never sent at once, and in their order."""
    trace_key: str | None = None
    data_uri: str | None = None
    max_attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """How often one request is tried when its error may pass."""
    settings: Mapping[str, Any] = Field(default_factory=dict)
