"""What a run of the records lane is to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.core.pipelines import Pipeline
from towpath.core.records import Counters
from towpath.engine.records.ends import End
from towpath.engine.records.progress import Progress
from towpath.engine.records.spec import Step


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What is to be run, and how far it has come."""

    pipeline: Pipeline
    steps: Mapping[str, Step]
    ends: Mapping[str, End]
    words: Mapping[str, Any]
    generators: Sequence[str] = ()
    """Those that are read in this run, in their order."""
    given: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """What was posted to generators, instead of what they would read."""
    progress: Mapping[str, Progress] = field(default_factory=dict)
    counters: Mapping[str, Counters] = field(default_factory=dict)
    retry: Sequence[Mapping[str, Any]] | None = None
    """The errors whose records are sent again, instead of reading anything."""
    published: frozenset[str] = frozenset()
    """Imports that have published what they held back."""
    open_keys: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Trace keys with open errors, by step."""
