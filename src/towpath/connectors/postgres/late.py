"""Finds records that became visible late, below the cursor value that has been read already.

A transaction may write a row with an old cursor value (``now()`` is when it began) and commit after a later
value has been read. So the state remembers, if other transactions were open when it was taken, from
which transaction number on rows may still turn up: ``xmin``, the oldest that was in progress. The next
read looks for rows below the cursor whose own ``xmin`` is not before that, other than those of the
transactions in ``known``, whose rows the earlier read saw. That makes it exact, for subtransactions too: a
transaction's rows become visible all at once.
"""

import base64
import logging
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from towpath.connectors.postgres.catalog import Relation
from towpath.connectors.postgres.snapshot import READER, Snapshot
from towpath.sdk import State

_log = logging.getLogger("towpath.connectors.postgres")

_KEY = "late"
#: More transactions than this are not remembered; then their rows may come twice.
_MAX_KNOWN = 20_000
#: Transaction numbers are kept in 32 bits in rows: of two further apart than this, none is the later one.
_HALF = 2**31 - 2**20

_MOMENT = """
SELECT txid_snapshot_xmin(s), txid_snapshot_xmax(s), pg_is_in_recovery()
FROM txid_current_snapshot() AS s
"""
_OTHERS = f"""
SELECT count(*) FROM pg_catalog.pg_locks
WHERE locktype = 'virtualxid' AND mode = 'ExclusiveLock' AND pid NOT IN (
    SELECT pid FROM pg_catalog.pg_locks
    WHERE locktype = 'advisory' AND classid = {READER[0]} AND objid = {READER[1]} AND pid IS NOT NULL)
"""


def marked(snapshot: Snapshot, relation: Relation) -> State:
    """What to remember of the snapshot, to be merged into the state: nothing, if no row can turn up late."""
    if not possible(relation):
        return {}
    xmin, xmax, replica = _row(snapshot, _MOMENT)
    (others,) = _row(snapshot, _OTHERS)
    # Asked after `_OTHERS`: whoever was open at the snapshot, wrote, and has ended since has taken a number.
    if xmin == xmax and not others and not replica and _age(snapshot, xmax) == 0:
        return {}
    known = _known(snapshot, relation, xmin) if xmin < xmax else []
    return {_KEY: {"xmin": xmin, "known": known if known is None else _pack(known)}}


def unmarked(state: State) -> dict[str, Any]:
    """The state without what `marked` added."""
    return {key: value for key, value in state.items() if key != _KEY}


def possible(relation: Relation) -> bool:
    """Whether rows tell by which transaction they were written: those of tables do."""
    return relation.kind in ("r", "p")


def conditions(snapshot: Snapshot, state: State) -> tuple[str, ...] | None:
    """What is true of rows that the read which left ``state`` could not see, besides being below the
    cursor; None if there can be none.
    """
    mark = state.get(_KEY)
    if mark is None:
        return None
    distance = _row(snapshot, _MOMENT)[1] - mark["xmin"]
    if distance < 0:
        _log.warning("The server has begun to count transactions anew; late rows are not looked for.")
        return None
    if distance >= _HALF:
        return ()
    since = f"pg_catalog.age(t.xmin) BETWEEN 0 AND {_age(snapshot, mark['xmin'])}"
    known = "" if mark["known"] is None else ",".join(map(str, _unpack(mark["known"])))
    return (since, f"NOT t.xmin = ANY ('{{{known}}}'::pg_catalog.xid[])") if known else (since,)


def _known(snapshot: Snapshot, relation: Relation, xmin: int) -> list[int] | None:
    """The transactions from ``xmin`` on whose rows the snapshot sees; None if they are too many."""
    rows = snapshot.connection.execute(
        f"SELECT DISTINCT t.xmin::text::bigint FROM {relation.sql} AS t "
        f"WHERE pg_catalog.age(t.xmin) BETWEEN 0 AND {_age(snapshot, xmin)} LIMIT {_MAX_KNOWN + 1}"
    ).fetchall()
    return sorted(row[0] for row in rows) if len(rows) <= _MAX_KNOWN else None


def _age(snapshot: Snapshot, number: int) -> int:
    """How many transactions have begun from that one on."""
    return int(_row(snapshot, f"SELECT pg_catalog.age('{number % 2**32}'::pg_catalog.xid)")[0])


def _row(snapshot: Snapshot, query: str) -> tuple[Any, ...]:
    [row] = snapshot.connection.execute(query.encode()).fetchall()
    return tuple(row)


def _pack(numbers: Sequence[int]) -> str:
    return base64.b64encode(zlib.compress(struct.pack(f"<{len(numbers)}I", *numbers))).decode()


def _unpack(text: str) -> tuple[int, ...]:
    packed = zlib.decompress(base64.b64decode(text))
    return struct.unpack(f"<{len(packed) // 4}I", packed)
