"""What steps hand on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.core.application import Failure
from towpath.core.model import State


@dataclass(frozen=True, kw_only=True)
class ReadPage:
    """A page of an export, as it leaves the step."""

    records: Sequence[Any]
    """What goes on; of an export that groups, lists of rows."""
    data_uris: Sequence[str | None]
    """One for each record; None without a template."""
    trace_keys: Sequence[str | None]
    """One for each record; None without a template."""
    failures: Sequence[Failure] = ()
    """Records that did not get through, each with its ``record``."""
    filtered: int = 0
    """How many records were left out on purpose."""
    after: State | None = None
    """Where the next page begins; None: this was the last. Plain JSON without secrets."""
    total_records: int | None = None
    total_pages: int | None = None
    warnings: Sequence[str] = ()
    files: Sequence[Mapping[str, Any]] = ()
    """The files that the records come from, where they do."""
    remember: State | None = None
    """Where the next run of the flow goes on, once this one has succeeded; None if nothing is to be kept."""


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """One record after the mapping, before anything is sent."""

    data: Any = None
    errors: Sequence[Failure] = ()
    ignored: bool = False
    """A filter or a hook left it out."""


#: What a retry does with a record: where it enters its step again.
STAGE_READ = "read"
"""As an export read it."""
STAGE_PAGE = "page"
"""As an export hands it on."""
STAGE_MAP = "map"
"""As it came to a lookup or an import."""
STAGE_SUBMIT = "submit"
"""It was sent; what follows on that is still to be done, with ``detail["response"]``."""
STAGE_RESPONSE = "response"
"""The step is done with it; the response mapping is not, with ``detail["response"]``."""
STAGE_DONE = "done"
"""Nothing is left to be done: the error was only told."""
