"""Whatever the paging, the order, the filter and the crash: every record comes exactly once."""

import datetime as dt
import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.http import endpoint
from support.loopback import loopback
from support.paged import KINDS, Items
from towpath.sdk import ReadMode, Selection, State
from towpath.sdk.rest import source as reading
from towpath.sdk.rest.source import RestSource

AGE = 1_000_000
#: Long ago, and about now: what changes while it is read is treated with more care.
EPOCHS = (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime.now(dt.UTC).replace(microsecond=0))


def moment(quarter: int) -> dt.datetime:
    """Several to a second, some to a day: filters of seconds and days are coarser than the clock."""
    return EPOCHS[quarter >= AGE] + dt.timedelta(seconds=quarter % AGE / 4)


def millis(quarter: int) -> int:
    return int(moment(quarter).timestamp() * 1000)


#: Format of the filter → the column's type, a moment in the record, a record's moment, the filter's.
FORMATS: dict[str, tuple[str, Any, Any, Any]] = {
    "number": ("integer", lambda n: n, lambda one: one["at"], int),
    "epoch_ms": (
        "epoch_ms",
        millis,
        lambda one: one["at"],
        int,
    ),
    "epoch_s": (
        "epoch_ms",
        millis,
        lambda one: one["at"] // 1000,
        int,
    ),
    "iso": (
        "timestamp",
        lambda n: moment(n).isoformat(),
        lambda one: dt.datetime.fromisoformat(one["at"]),
        dt.datetime.fromisoformat,
    ),
    "date": (
        "timestamp",
        lambda n: moment(n).isoformat(),
        lambda one: dt.datetime.fromisoformat(one["at"]).date(),
        dt.date.fromisoformat,
    ),
}


@pytest.fixture(scope="module")
def server():
    with loopback(), endpoint() as one:
        yield one


def attempt(
    source: RestSource, selection: Selection, state: State | None, crash: int | None
) -> tuple[list[int], State | None, bool]:
    """One run, which may crash after so many batches: what was committed, and whether it came to its end."""
    committed, pending = list[int](), list[int]()
    plan = source.plan(selection, state)
    batches = source.read(selection, plan.slices[0], state)
    for number, batch in enumerate(batches):
        if number == crash:
            batches.close()
            return committed, state, False
        pending += batch.arrow.column("id").to_pylist()
        if batch.state is not None:
            state = json.loads(json.dumps(dict(batch.state)))
            committed, pending = committed + pending, []
    assert not pending, "the last batch has a state"
    return committed, state, True


@given(
    kind=st.sampled_from(KINDS),
    format=st.sampled_from(sorted(FORMATS)),
    size=st.integers(1, 7),
    most=st.integers(1, 7),
    rows=st.integers(1, 9),
    moments=st.lists(st.lists(st.integers(0, 30), max_size=12), min_size=1, max_size=3),
    inclusive=st.booleans(),
    ordered=st.booleans(),
    stop=st.sampled_from(["empty", "short"]),
    crashes=st.lists(st.integers(0, 3), max_size=3),
    recent=st.booleans(),
)
def test_incremental_reads(
    server, kind, format, size, most, rows, moments, inclusive, ordered, stop, crashes, recent
):
    if stop == "short":
        most = max(most, size)  # what "short" relies on
    column, write, key, since = FORMATS[format]
    service = Items(server, kind, most, inclusive=inclusive, key=key, since=since)
    server.answer = service.answer
    server.asked.clear()
    sizes = {} if kind == "none" else {"size_parameter": "size", "size": size}
    paging = service.definition().streams["items"].paging.model_dump(exclude_none=True, exclude_defaults=True)
    paging |= {"type": kind} | sizes | ({"stop": stop} if kind in ("page", "offset") else {})
    source = service.source(
        schema={"id": "integer", "at": column},
        paging=paging,
        incremental={
            "cursor": "at",
            "parameter": "since",
            "format": format,
            "inclusive": inclusive,
            "ordered": ordered,
        },
    )
    came, state, floor, left = list[int](), None, AGE * recent, list(crashes)
    with source, patch.object(reading, "_ROWS", rows):
        selection = Selection(source.discover()[0], ReadMode.INCREMENTAL, cursor="at")
        for fresh in moments:
            later = sorted(floor + n for n in fresh) if ordered else [floor + n for n in fresh]
            first = len(service.records)
            service.records += [{"id": first + n, "at": write(at)} for n, at in enumerate(later)]
            floor = max([floor, *later])
            done = False
            while not done:
                crash = left.pop() if left else None
                ids, state, done = attempt(source, selection, state, crash)
                came += ids
    assert sorted(came) == list(range(len(service.records)))


@given(
    kind=st.sampled_from(KINDS),
    size=st.integers(1, 7),
    most=st.integers(1, 7),
    rows=st.integers(1, 9),
    count=st.integers(0, 25),
)
def test_full_refreshes(server, kind, size, most, rows, count):
    service = Items(server, kind, most, [{"id": n, "at": n} for n in range(count)])
    server.answer = service.answer
    server.asked.clear()
    with service.source() as source, patch.object(reading, "_ROWS", rows):
        selection = Selection(source.discover()[0])
        plan = source.plan(selection, None)
        batches = list(source.read(selection, plan.slices[0], None))
    assert [n for batch in batches for n in batch.arrow.column("id").to_pylist()] == list(range(count))
    assert all(len(batch) for batch in batches)


@given(
    kind=st.sampled_from(["page", "offset", "cursor", "link_header"]),
    format=st.sampled_from(["epoch_ms", "epoch_s", "iso", "date"]),
    size=st.integers(2, 4),
    changes=st.lists(st.integers(0, 7), max_size=8),
    late=st.integers(0, 40),
)
def test_what_changes_while_it_is_read_comes_with_the_next_read(server, kind, format, size, changes, late):
    """In front of the reader or behind it: the last version of each record comes, and no version twice."""
    column, write, key, since = FORMATS[format]
    service = Items(server, kind, size, key=key, since=since)
    server.answer = service.answer
    server.asked.clear()
    service.records = [{"id": n, "at": write(n), "version": 0} for n in range(8)]
    left, clock = list(enumerate(changes, 1)), AGE

    def change(answer: Any) -> Any:
        """After each page one record changes, on a clock that never goes back."""
        nonlocal clock
        if left:
            version, id = left.pop(0)
            now = int((dt.datetime.now(dt.UTC) - EPOCHS[1]).total_seconds() * 4) % AGE + AGE
            clock = max(clock + 1, now + late)
            service.records[id] = {"id": id, "at": write(clock), "version": version}
        return answer

    service.tamper = change
    source = service.source(
        schema={"id": "integer", "version": "integer", "at": column},
        incremental={"cursor": "at", "parameter": "since", "format": format},
    )
    seen = list[tuple[int, int]]()
    with source:
        selection = Selection(source.discover()[0], ReadMode.INCREMENTAL, cursor="at")
        state = None
        for run in range(4):
            if run == 2:
                service.tamper = lambda answer: answer
            plan = source.plan(selection, state)
            for batch in source.read(selection, plan.slices[0], state):
                seen += [(row["id"], row["version"]) for row in batch.records]
                state = batch.state or state
    assert {(one["id"], one["version"]) for one in service.records} <= set(seen)
    assert len(seen) == len(set(seen))
