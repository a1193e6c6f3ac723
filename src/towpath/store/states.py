"""Where flows go on."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, update

from towpath.core.records import SavedState, now
from towpath.store import tables
from towpath.store.references import guarded
from towpath.store.upsert import upsert

_STATES = tables.states


class SqlStates:
    """Where flows go on. One row per (flow, stream)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, org: str, flow: str, stream: str) -> SavedState:
        row = self._connection.execute(select(_STATES).where(_is(org, flow, stream))).mappings().first()
        return SavedState(**row) if row else SavedState(org=org, flow=flow, stream=stream)

    def list(self, org: str, flow: str) -> Sequence[SavedState]:
        query = select(_STATES).where(_STATES.c.org == org, _STATES.c.flow == flow)
        rows = self._connection.execute(query.order_by(_STATES.c.stream)).mappings()
        return [SavedState(**row) for row in rows]

    def save(
        self,
        org: str,
        flow: str,
        stream: str,
        generation: int,
        state: Mapping[str, Any] | None,
        run: str,
    ) -> bool:
        if generation:
            change = update(_STATES).where(_is(org, flow, stream), _STATES.c.generation == generation)
            values = {"state": state, "run": run, "updated_at": now()}
            return self._connection.execute(change.values(values)).rowcount > 0
        return self._put(_row(org, flow, stream, 0, state, run), where=_STATES.c.generation == 0) is not None

    def reset(self, org: str, flow: str, stream: str, state: Mapping[str, Any] | None = None) -> SavedState:
        # The first generation, 0, may have begun without a row.
        fresh = _row(org, flow, stream, 1, state, None)
        saved = self._put(fresh, change={"generation": _STATES.c.generation + 1})
        return SavedState(**(saved or fresh))

    def _put(
        self,
        row: Mapping[str, Any],
        *,
        change: Mapping[str, Any] | None = None,
        where: ColumnElement[bool] | None = None,
    ) -> Mapping[str, Any] | None:
        """The row as it now is; None if ``where`` did not hold for the one that was there."""
        put = upsert(
            self._connection, _STATES, row, keep=("created_at", "generation"), change=change, where=where
        )
        with guarded(self._connection, _STATES, row):
            saved = self._connection.execute(put.returning(_STATES)).mappings().one_or_none()
        return dict(saved) if saved else None


def _is(org: str, flow: str, stream: str) -> ColumnElement[bool]:
    return and_(_STATES.c.org == org, _STATES.c.flow == flow, _STATES.c.stream == stream)


def _row(
    org: str, flow: str, stream: str, generation: int, state: Mapping[str, Any] | None, run: str | None
) -> dict[str, Any]:
    at = now()
    return {
        "org": org,
        "created_at": at,
        "updated_at": at,
        "flow": flow,
        "stream": stream,
        "generation": generation,
        "state": state,
        "run": run,
    }
