"""What becomes of the records of one page, gathered until it is made durable as a whole. # Invariant 4"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.core.application import Failure
from towpath.core.records import Counters
from towpath.engine.records.shapes import STAGE_DONE


@dataclass(frozen=True, kw_only=True)
class Item:
    """A record on its way through a flow."""

    record: Any
    origin: str
    """What it is known by within the run: the same if its page comes again. Copies that a router makes have
    longer ones.
    """
    root: str
    """The origin that all copies share."""
    at: str
    """The step that it left last, …"""
    how: str = "written"
    """… and as what it was counted there: ``written``, ``filtered`` or ``rejected``."""
    trace_key: str | None = None
    data_uri: str | None = None
    """Link to it in the system that it was exported from."""
    stage: str | None = None
    """Of a retry: where it enters its first step, with ``detail``."""
    detail: Mapping[str, Any] = field(default_factory=dict)


class Book:
    """The counters and errors of one page. ``keep``: whether failed records are kept to be sent again."""

    def __init__(self, *, keep: bool = True) -> None:
        self._keep = keep
        self.counters: dict[str, Counters] = defaultdict(Counters)
        self.errors: list[dict[str, Any]] = []
        self.passed: dict[str, list[str]] = defaultdict(list)
        """Trace keys of the records that got through, by step."""
        self.failed: set[str] = set()
        """Roots of the records that failed anywhere."""
        self.discarded: Counter[str] = Counter()
        """How many records ended in which empty branch."""
        self.down: dict[str, tuple[str, str]] = {}
        """Connections that do not work any more: the step that found out, and the reason."""
        self._seen: Counter[str] = Counter()
        self._lost: set[tuple[str, str]] = set()

    def count(self, step: str, *, written: int = 0, filtered: int = 0, rejected: int = 0) -> None:
        """Count records that a step has read."""
        self.counters[step] += Counters(
            read=written + filtered + rejected, written=written, filtered=filtered, rejected=rejected
        )

    def fail(
        self,
        step: str,
        item: Item,
        failures: Sequence[Failure],
        stage: str,
        **more: Any,
    ) -> None:
        """Tell why a record failed at a step. The first failure has what a retry needs."""
        if stage != STAGE_DONE:
            self.failed.add(item.root)
        for number, failure in enumerate(failures):
            self._tell(step, item, failure, STAGE_DONE if number else stage, more)

    def lose(self, item: Item, failures: Sequence[Failure], stage: str) -> None:
        """The record failed between two steps: the one that it left last counts it as rejected."""
        if (item.at, item.root) not in self._lost:
            self._lost.add((item.at, item.root))
            counted = Counters(**{item.how: -1})
            self.counters[item.at] += counted + Counters(rejected=1)
        self.fail(item.at, item, failures, stage)

    def passes(self, step: str, item: Item) -> None:
        """The record got through the step."""
        if item.trace_key:
            self.passed[step].append(item.trace_key)

    def _tell(self, step: str, item: Item, failure: Failure, stage: str, more: Mapping[str, Any]) -> None:
        place = f"{item.origin}/{step}"
        self._seen[place] += 1
        kept = self._keep and stage != STAGE_DONE
        detail = {
            "source": failure.source,
            "stage": stage if kept else STAGE_DONE,
            "trace_key": item.trace_key,
            "data_uri": item.data_uri,
            "field": failure.field,
            "retryable": failure.retryable,
            **(more if kept else {}),
        }
        self.errors.append(
            {
                "stream": step,
                "key": f"{place}#{self._seen[place]}",
                "code": failure.code,
                "message": failure.message,
                "record": item.record if kept else {},
                "detail": {name: value for name, value in detail.items() if value not in (None, "")},
            }
        )
