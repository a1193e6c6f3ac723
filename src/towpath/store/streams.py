"""The streams of runs: plans, slices, progress."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, type_coerce, update

from towpath.core.errors import InternalError, NotFoundError
from towpath.core.records import Counters, RunSlice, RunStatus, RunStream, SliceStatus, now
from towpath.core.repositories import Between
from towpath.store import tables
from towpath.store.lists import among
from towpath.store.repository import bounds
from towpath.store.runs import SqlRuns
from towpath.store.types import Str

_RUNS, _STREAMS, _SLICES = tables.runs, tables.run_streams, tables.run_slices


class SqlRunStreams:
    """The streams of a run with their plans and progress."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save_plan(self, org: str, stream: RunStream, slices: Sequence[RunSlice]) -> None:
        if any(part.org != org for part in (stream, *slices)):
            raise InternalError(
                "store.wrong_organization", "The plan is of another organization.", hint="Please report this."
            )
        # One plan of a run is saved at a time: two planners of one epoch must not mix their slices.
        SqlRuns(self._connection).lock(org, stream.run)
        present = self._epoch(org, stream.run, stream.stream)
        if present is not None and present >= stream.epoch:
            return
        self._connection.execute(delete(_STREAMS).where(_is(org, stream.run, stream.stream)))
        self._connection.execute(insert(_STREAMS).values(_values(stream)))
        if slices:
            self._connection.execute(insert(_SLICES), [_values(item) for item in slices])

    def get(self, org: str, run: str, stream: str) -> RunStream:
        query = select(_STREAMS).where(_is(org, run, stream))
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise _missing(run, stream)
        return RunStream(**row)

    def list(self, org: str, run: str) -> Sequence[RunStream]:
        query = select(_STREAMS).where(_STREAMS.c.org == org, _STREAMS.c.run == run)
        rows = self._connection.execute(query.order_by(_STREAMS.c.stream)).mappings()
        return [RunStream(**row) for row in rows]

    def of(self, org: str, runs: Collection[str]) -> Sequence[RunStream]:
        query = select(_STREAMS).where(_STREAMS.c.org == org, among(_STREAMS.c.run, "runs"))
        query = query.order_by(_STREAMS.c.run, _STREAMS.c.stream)
        rows = self._connection.execute(query, {"runs": list(runs)}).mappings()
        return [RunStream(**row) for row in rows]

    def find(self, org: str, id: str) -> RunStream | None:
        query = select(_STREAMS).where(_STREAMS.c.org == org, _STREAMS.c.id == id)
        row = self._connection.execute(query).mappings().first() if id else None
        return RunStream(**row) if row else None

    def search(
        self,
        org: str,
        *,
        limit: int,
        after: str | None = None,
        runs: Collection[str] | None = None,
        flows: Collection[str] | None = None,
        status: Collection[RunStatus] | None = None,
        between: Between | None = None,
    ) -> Sequence[RunStream]:
        query = select(_STREAMS).where(_STREAMS.c.org == org, *bounds(_STREAMS, between))
        chosen = {"runs": runs, "flows": flows, "status": status}
        if flows is not None or status is not None:
            query = query.join(_RUNS, and_(_RUNS.c.org == org, _RUNS.c.id == _STREAMS.c.run))
        places: dict[str, ColumnElement[str]] = {
            "runs": _STREAMS.c.run,
            "flows": _RUNS.c.flow,
            # Of enumerations the database knows the texts.
            "status": type_coerce(_RUNS.c.status, Str()),
        }
        query = query.where(*(among(places[name], name) for name in chosen if chosen[name] is not None))
        if after is not None:
            query = query.where(_STREAMS.c.id < after)
        given = {name: list(values) for name, values in chosen.items() if values is not None}
        rows = self._connection.execute(query.order_by(_STREAMS.c.id.desc()).limit(limit), given)
        return [RunStream(**row) for row in rows.mappings()]

    def totals(self, org: str, runs: Collection[str]) -> Mapping[str, Counters]:
        query = select(_STREAMS.c.run, _STREAMS.c.counters)
        query = query.where(_STREAMS.c.org == org, among(_STREAMS.c.run, "runs"))
        sums: dict[str, Counters] = {}
        for row in self._connection.execute(query, {"runs": list(runs)}):
            sums[row.run] = sums.get(row.run, Counters()) + row.counters
        return sums

    def update(self, org: str, run: str, stream: str, **changes: Any) -> RunStream:
        change = update(_STREAMS).where(_is(org, run, stream)).values(changes | {"updated_at": now()})
        row = self._connection.execute(change.returning(_STREAMS)).mappings().one_or_none()
        if row is None:
            raise _missing(run, stream)
        return RunStream(**row)

    def slices(self, org: str, run: str, stream: str) -> Sequence[RunSlice]:
        same = and_(_STREAMS.c.org == org, _STREAMS.c.run == run, _STREAMS.c.stream == stream)
        query = select(_SLICES).join(_STREAMS, and_(same, _SLICES.c.epoch == _STREAMS.c.epoch))
        query = query.where(_SLICES.c.org == org, _SLICES.c.run == run, _SLICES.c.stream == stream)
        rows = self._connection.execute(query.order_by(_SLICES.c.slice)).mappings()
        return [RunSlice(**row) for row in rows]

    def slice_done(
        self,
        org: str,
        run: str,
        stream: str,
        epoch: int,
        slice: str,
        receipt: Mapping[str, Any],
        counters: Counters,
    ) -> None:
        """A report of an epoch that was replaced changes nothing."""
        one = _is_slice(org, run, stream, epoch, slice)
        change = update(_SLICES).where(one, _SLICES.c.status != SliceStatus.DONE)
        values = {"status": SliceStatus.DONE, "receipt": receipt, "counters": counters, "updated_at": now()}
        if self._connection.execute(change.values(values)).rowcount:
            return
        known = self._connection.execute(select(_SLICES.c.slice).where(one)).first()
        if not known and self.get(org, run, stream).epoch <= epoch:
            raise NotFoundError(
                "slice.not_found",
                f"{stream} has no slice {slice} in epoch {epoch} of run {run}.",
                hint="Please report this.",
                id=slice,
            )

    def _epoch(self, org: str, run: str, stream: str) -> int | None:
        return self._connection.execute(select(_STREAMS.c.epoch).where(_is(org, run, stream))).scalar()


def _is(org: str, run: str, stream: str) -> ColumnElement[bool]:
    return and_(_STREAMS.c.org == org, _STREAMS.c.run == run, _STREAMS.c.stream == stream)


def _is_slice(org: str, run: str, stream: str, epoch: int, slice: str) -> ColumnElement[bool]:
    slices = _SLICES.c
    place = and_(slices.org == org, slices.run == run, slices.stream == stream)
    return and_(place, slices.epoch == epoch, slices.slice == slice)


def _values(item: RunStream | RunSlice) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def _missing(run: str, stream: str) -> NotFoundError:
    return NotFoundError(
        "stream.not_found",
        f"The run {run} has no stream {stream}.",
        hint=f"`towpath runs show {run}` shows those it has.",
        id=stream,
    )
