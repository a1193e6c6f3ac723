"""Connections that have streams and no application: a stream read as pages of records."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from towpath.core.application import Failure, Outcome, Page, Sending, Tools
from towpath.core.errors import ConfigError
from towpath.core.flows import StreamRead
from towpath.core.model import Plan, ReadMode, Selection, State
from towpath.core.ports import Connector, Source
from towpath.engine.plain import plain
from towpath.engine.planning import Frame, selection_of


class StreamReading(BaseModel):
    """What `StreamPages` reads."""

    model_config = ConfigDict(frozen=True)

    read: StreamRead


@dataclass(frozen=True)
class _Position:
    """Where the reading is: in which slice, so many records behind the state."""

    plan: str
    """Digest of the slices: those of another plan are cut elsewhere."""
    slice: int = 0
    state: State | None = None
    offset: int = 0

    def to_json(self) -> dict[str, Any]:
        state = None if self.state is None else dict(self.state)
        return {"plan": self.plan, "slice": self.slice, "state": state, "offset": self.offset}


class StreamPages:
    """An `Application` over a `Source`. ``state`` is where the last run of the flow left off.

    A reading that goes on in another process does so behind the last record, except where the slices were
    tied to a snapshot that is lost: then it begins anew, so that nothing is missed and some comes twice.
    """

    def __init__(self, connector: Connector[Any], source: Source, state: State | None) -> None:
        self._connector = connector
        self._source = source
        self._state = state
        self.remember: State | None = state

    def check(self) -> str:
        return self._source.check()

    def pages(
        self,
        read: BaseModel,
        size: int,
        tools: Tools,
        *,
        record: Any = None,
        after: State | None = None,
    ) -> Iterator[Page]:
        reading = StreamReading.model_validate(read.model_dump())
        selection = self._selection(reading.read)
        with tools.slot():
            plan = self._source.plan(selection, self._state)
        here = _Position(_digest(plan), state=self._state)
        warnings: tuple[str, ...] = ()
        if after is not None:
            known = _Position(**after)
            if known.plan == here.plan:
                here = known
            else:
                warnings = (f"{reading.read.name} is read from the beginning again: its snapshot is lost.",)
        self.remember = here.state if plan.ordered else plan.state
        waiting: tuple[list[Any], _Position] | None = None
        for rows, position in self._pieces(selection, plan, here, size, tools):
            if waiting is not None:
                yield Page(records=waiting[0], after=waiting[1].to_json(), warnings=warnings)
                warnings = ()
            waiting = rows, position
        yield Page(records=waiting[0] if waiting else (), warnings=warnings)

    def read_back(self, read: BaseModel, records: Sequence[Any], tools: Tools) -> Sequence[Failure | None]:
        return [None] * len(records)

    def look(self, lookup: Mapping[str, Any], record: Any, tools: Tools) -> Sequence[Any]:
        return ()

    def send(self, write: BaseModel, sendings: Sequence[Sending], tools: Tools) -> Sequence[Outcome]:
        raise NotImplementedError("a source is not written to")

    def finish(self, write: BaseModel, tools: Tools) -> Mapping[str, Any]:
        return {}

    def _selection(self, read: StreamRead) -> Selection:
        if read.mode is ReadMode.CDC:
            raise ConfigError(
                "read_mode.unsupported",
                f"{read.name} cannot be read record by record with mode cdc.",
                hint="Read it with mode incremental or full_refresh, or copy it with a flow of streams.",
            )
        frame = Frame(run="", namespace=None, full=False, source=self._connector, destination=self._connector)
        return selection_of(read, self._source.discover(), frame)

    def _pieces(
        self, selection: Selection, plan: Plan, at: _Position, size: int, tools: Tools
    ) -> Iterator[tuple[list[Any], _Position]]:
        """Pages of rows, each with the position behind it."""
        for number in range(at.slice, len(plan.slices)):
            state, offset = (at.state, at.offset) if number == at.slice else (self._state, 0)
            skip = offset
            for batch in self._source.read(selection, plan.slices[number], state):
                tools.check_wanted()
                rows = [plain(record) for record in batch.records]
                skipped = min(skip, len(rows))
                skip -= skipped
                for start in range(skipped, len(rows), size):
                    piece = rows[start : start + size]
                    offset += len(piece)
                    if batch.state is not None and start + size >= len(rows):
                        state, offset = batch.state, 0
                        if plan.ordered:
                            self.remember = state
                    yield piece, _Position(at.plan, number, state if plan.ordered else at.state, offset)


def _digest(plan: Plan) -> str:
    slices = [piece.to_json() for piece in plan.slices]
    return hashlib.sha256(orjson.dumps(slices, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
