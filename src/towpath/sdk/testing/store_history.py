"""What happens to flows: runs, streams, slices, attempts, states, logs, errors."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from towpath.core.errors import BusyError, ConflictError, NotFoundError
from towpath.core.ids import new_id
from towpath.core.records import (
    Counters,
    ErrorStatus,
    Level,
    LogLine,
    RunStatus,
    SavedState,
    SliceStatus,
    StreamStatus,
    Worker,
    now,
)
from towpath.core.repositories import Store
from towpath.sdk.testing.store_worlds import STREAM, World, make_world


class HistoryContract:
    """For a store in the fixture ``store``."""

    # ── flows ────────────────────────────────────────────────────────────────────────────────────

    def test_flows_that_are_due(self, store: Store, world: World) -> None:
        other = make_world(store)
        due = datetime.fromisoformat("1999-01-01T00:00:00.000001+00:00")
        with store.begin() as unit:
            for org, moment in ((world.org, due + timedelta(seconds=1)), (other.org, due)):
                unit.flows.add(org, (world if org == world.org else other).fresh("flows", next_due=moment))
            unit.flows.add(world.org, world.fresh("flows", next_due=due, enabled=False))
            unit.flows.add(world.org, world.fresh("flows", next_due=None))
            found = list(unit.flows.due(due + timedelta(hours=1), 10_000))
            mine = [flow.org for flow in found if flow.org in (world.org, other.org)]
            assert mine == [other.org, world.org]
            assert not [flow for flow in unit.flows.due(due, 10_000) if flow.org == world.org]
            assert len(unit.flows.due(due + timedelta(hours=1), 1)) == 1
            for flow in found:
                assert unit.flows.advance(flow.org, flow.id, flow.next_due or due, None)

    def test_a_due_time_is_advanced_once(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            seen = unit.flows.get(world.org, world.flows).next_due
            assert seen is not None
            then = seen + timedelta(microseconds=1)
            assert unit.flows.advance(world.org, world.flows, seen, then)
            assert not unit.flows.advance(world.org, world.flows, seen, then)
            assert unit.flows.get(world.org, world.flows).next_due == then

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────

    def test_one_run_of_a_flow_at_a_time(self, store: Store, world: World) -> None:
        org = world.org
        with store.begin() as unit:
            second = unit.runs.add(org, world.fresh("runs")).id
            claimed = unit.runs.claim(org, world.runs)
            assert claimed is not None
            assert claimed.status is RunStatus.RUNNING
            assert claimed.started_at is not None
            assert unit.runs.claim(org, world.runs) == claimed
            for _ in range(2):
                with pytest.raises(BusyError) as busy:
                    unit.runs.claim(org, second)
                assert busy.value.code == "flow.busy"
            assert unit.runs.get(org, second).status is RunStatus.QUEUED
            unit.runs.finish(org, world.runs, RunStatus.SUCCEEDED)
            assert unit.runs.claim(org, world.runs) is None
            assert unit.runs.claim(org, second) is not None

    def test_the_first_end_of_a_run_stays(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            failed = unit.runs.finish(world.org, world.runs, RunStatus.FAILED, {"code": "x.y"})
            assert (failed.status, failed.error) == (RunStatus.FAILED, {"code": "x.y"})
            assert failed.ended_at is not None
            assert unit.runs.finish(world.org, world.runs, RunStatus.SUCCEEDED) == failed
            assert unit.runs.request_cancel(world.org, world.runs) == failed
            with pytest.raises(ValueError, match="running"):
                unit.runs.finish(world.org, world.runs, RunStatus.RUNNING)

    def test_a_queued_run_is_cancelled_when_claimed(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            asked = unit.runs.request_cancel(world.org, world.runs)
            assert (asked.status, asked.cancel_requested) == (RunStatus.QUEUED, True)
            assert unit.runs.request_cancel(world.org, world.runs) == asked
            assert unit.runs.claim(world.org, world.runs) is None
            run = unit.runs.get(world.org, world.runs)
            assert run.status is RunStatus.CANCELLED
            assert run.ended_at is not None

    def test_a_running_run_keeps_its_slot_while_it_is_cancelled(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            unit.runs.claim(world.org, world.runs)
            unit.runs.request_cancel(world.org, world.runs)
            run = unit.runs.claim(world.org, world.runs)
            assert run is not None
            assert (run.status, run.cancel_requested) == (RunStatus.RUNNING, True)

    def test_unfinished_runs_of_all_organizations(self, store: Store, world: World) -> None:
        other = make_world(store)
        with store.begin() as unit:
            done = unit.runs.add(world.org, world.fresh("runs")).id
            unit.runs.finish(world.org, done, RunStatus.CANCELLED)
            unit.runs.claim(other.org, other.runs)
            found = [run.id for run in unit.runs.unfinished()]
            assert [id for id in found if id in (world.runs, done, other.runs)] == [world.runs, other.runs]

    def test_the_newest_run_of_each_flow(self, store: Store, world: World) -> None:
        other = make_world(store)
        with store.begin() as unit:
            idle = unit.flows.add(world.org, world.fresh("flows")).id
            newest = unit.runs.add(world.org, world.fresh("runs"))
            asked = [world.flows, idle, other.flows]
            assert unit.runs.latest(world.org, asked) == {world.flows: newest}
            assert unit.runs.latest(world.org, []) == {}

    # ── streams ──────────────────────────────────────────────────────────────────────────────────

    def test_a_later_plan_replaces_an_earlier_one(self, store: Store, world: World) -> None:
        org, run = world.org, world.runs
        with store.begin() as unit:
            before = unit.streams.get(org, run, STREAM)
            unit.streams.save_plan(org, *world.plan("other"))
            assert unit.streams.get(org, run, STREAM) == before
            assert [part.slice for part in unit.streams.slices(org, run, STREAM)] == ["s0", "s1"]
            head, parts = world.plan("b", "B", "a", epoch=2, state_before={"n": 1}, rows_expected=2**40)
            unit.streams.save_plan(org, head, parts)
            unit.streams.save_plan(org, *world.plan("late", epoch=1))
            assert unit.streams.get(org, run, STREAM) == head
            assert unit.streams.slices(org, run, STREAM) == sorted(parts, key=lambda part: part.slice)

    def test_streams_and_slices_come_in_byte_order(self, store: Store, world: World) -> None:
        names = ["a", "B", "_", "é", "a b", "A"]
        with store.begin() as unit:
            run = unit.runs.add(world.org, world.fresh("runs")).id
            for name in names:
                head, _ = world.plan()
                unit.streams.save_plan(world.org, replace(head, run=run, stream=name), [])
            assert [row.stream for row in unit.streams.list(world.org, run)] == sorted(names)

    def test_the_first_report_of_a_slice_wins(self, store: Store, world: World) -> None:
        org, run = world.org, world.runs
        with store.begin() as unit:
            counters = Counters(read=3, written=2, rejected=1, bytes=2**40)
            unit.streams.slice_done(org, run, STREAM, 0, "s1", {"rows": 2}, counters)
            unit.streams.slice_done(org, run, STREAM, 0, "s1", {"rows": 9}, Counters())
            waiting, done = unit.streams.slices(org, run, STREAM)
            assert (waiting.status, waiting.receipt) == (SliceStatus.PLANNED, None)
            assert (done.status, done.receipt, done.counters) == (SliceStatus.DONE, {"rows": 2}, counters)

    def test_a_report_of_an_old_epoch_is_harmless_and_of_no_slice_an_error(
        self, store: Store, world: World
    ) -> None:
        org, run = world.org, world.runs
        with store.begin() as unit:
            unit.streams.save_plan(org, *world.plan("s0", epoch=1))
            unit.streams.slice_done(org, run, STREAM, 0, "s1", {}, Counters())
            assert [part.status for part in unit.streams.slices(org, run, STREAM)] == [SliceStatus.PLANNED]
            with pytest.raises(NotFoundError) as missing:
                unit.streams.slice_done(org, run, STREAM, 1, "s7", {}, Counters())
            assert missing.value.code == "slice.not_found"

    def test_progress(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            before = unit.streams.get(world.org, world.runs, STREAM)
            after = unit.streams.update(
                world.org,
                world.runs,
                STREAM,
                counters=Counters(read=1, written=1),
                rows_per_second=0.1,
                status=StreamStatus.RUNNING,
                state_after={"cursor": "2024"},
            )
            assert after.counters == Counters(read=1, written=1)
            assert (after.rows_per_second, after.state_after) == (0.1, {"cursor": "2024"})
            assert after.updated_at > before.updated_at
            assert unit.streams.get(world.org, world.runs, STREAM) == after
            with pytest.raises(NotFoundError) as missing:
                unit.streams.update(world.org, world.runs, "none", epoch=1)
            assert missing.value.code == "stream.not_found"

    def test_totals_of_runs(self, store: Store, world: World) -> None:
        other = make_world(store)
        with store.begin() as unit:
            idle = unit.runs.add(world.org, world.fresh("runs")).id
            unit.streams.save_plan(world.org, replace(world.plan()[0], stream="b"), [])
            for name, read in ((STREAM, 2**40), ("b", 1)):
                counters = Counters(read=read, written=read, bytes=3)
                unit.streams.update(world.org, world.runs, name, counters=counters)
            found = unit.streams.totals(world.org, [world.runs, idle, other.runs])
            assert found == {world.runs: Counters(read=2**40 + 1, written=2**40 + 1, bytes=6)}
            assert unit.streams.totals(world.org, []) == {}

    # ── attempts and workers ─────────────────────────────────────────────────────────────────────

    def test_attempts_end_once(self, store: Store, world: World) -> None:
        org, run = world.org, world.runs
        with store.begin() as unit:
            mine = unit.attempts.begin(org, run, "commit/x/0", "w")
            unit.attempts.end(org, mine.id, "failed", {"code": "x.y"})
            unit.attempts.end(org, mine.id, "done")
            (ended,) = unit.attempts.list(org, run, "commit/x/0")
            assert (ended.outcome, ended.error) == ("failed", {"code": "x.y"})
            assert ended.ended_at is not None
            assert [row.id for row in unit.attempts.list(org, run)] == [world.attempts, mine.id]
            with pytest.raises(NotFoundError) as missing:
                unit.attempts.end(org, "att_nothing", "done")
            assert missing.value.code == "attempt.not_found"

    def test_live_attempts_are_those_of_beating_workers(self, store: Store, world: World) -> None:
        org, run, within = world.org, world.runs, timedelta(seconds=60)
        alive, dead, unknown = (new_id(name) for name in ("alive", "dead", "unknown"))
        with store.begin() as unit:
            unit.workers.beat(Worker(id=alive, host="h", pid=1, beat_at=now() - timedelta(days=1)))
            unit.workers.beat(Worker(id=alive, host="h", pid=2))
            unit.workers.beat(Worker(id=dead, host="h", pid=3, beat_at=now() - timedelta(days=1)))
            begun = {name: unit.attempts.begin(org, run, name, name) for name in (alive, dead, unknown)}
            ended = unit.attempts.begin(org, run, "ended", alive)
            unit.attempts.end(org, ended.id, "done")
            assert unit.attempts.live(org, run, within) == [begun[alive]]
            beating = {worker.id: worker.pid for worker in unit.workers.alive(within)}
            assert beating.get(alive) == 2
            assert dead not in beating
            unit.workers.forget(now() - timedelta(hours=23))
            assert dead not in {worker.id for worker in unit.workers.alive(timedelta(days=9))}

    # ── states ───────────────────────────────────────────────────────────────────────────────────

    def test_a_state_is_saved_only_into_its_generation(self, store: Store, world: World) -> None:
        place = (world.org, world.flows, STREAM)
        with store.begin() as unit:
            assert unit.states.save(*place, 0, {"cursor": 6}, "run_2")
            reset = unit.states.reset(*place)
            assert (reset.generation, reset.state, reset.run) == (1, None, None)
            assert not unit.states.save(*place, 0, {"cursor": 7}, "run_2")
            assert unit.states.get(*place) == reset
            assert unit.states.save(*place, 1, {"cursor": 1}, "run_3")
            saved = unit.states.get(*place)
            assert (saved.generation, saved.state, saved.run) == (1, {"cursor": 1}, "run_3")
            assert unit.states.reset(*place, {"cursor": 0}).state == {"cursor": 0}
            assert not unit.states.save(*place, 1, {}, "run_3")

    def test_streams_without_a_state(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            blank = unit.states.get(world.org, world.flows, "b")
            same = SavedState(
                org=world.org,
                flow=world.flows,
                stream="b",
                created_at=blank.created_at,
                updated_at=blank.updated_at,
            )
            assert blank == same
            assert not unit.states.save(world.org, world.flows, "b", 1, {}, "run")
            assert unit.states.reset(world.org, world.flows, "b").generation == 1
            assert unit.states.save(world.org, world.flows, "a", 0, None, "run")
            found = unit.states.list(world.org, world.flows)
            assert [state.stream for state in found] == sorted([STREAM, "a", "b"])
            with pytest.raises(NotFoundError) as missing:
                unit.states.save(world.org, "flw_nothing", "a", 0, {}, "run")
            assert missing.value.code == "flow.not_found"

    # ── the run log ──────────────────────────────────────────────────────────────────────────────

    def test_log_lines_read_back_in_order(self, store: Store, world: World) -> None:
        org, run = world.org, world.runs
        lines = [
            LogLine(message=f"line {n}", level=level, event="e", stream=STREAM, slice="s", fields={"n": n})
            for n, level in enumerate(list(Level) * 3)
        ]
        with store.begin() as unit:
            unit.log.append(org, run, lines[:7])
            unit.log.append(org, run, [])
            unit.log.append(org, run, lines[7:])
            stored = unit.log.read(org, run, after=1)
            assert [replace(line, seq=0) for line in stored] == lines
            seqs = [line.seq for line in stored]
            assert seqs == sorted(set(seqs))
            assert unit.log.read(org, run, after=seqs[3], limit=2) == stored[4:6]
            assert unit.log.read(org, run, after=1, before=seqs[5], limit=2, tail=True) == stored[3:5]
            loud = unit.log.read(org, run, minimum=Level.WARNING)
            assert loud == [line for line in stored if line.level in (Level.WARNING, Level.ERROR)]
            assert unit.log.read(org, run, minimum=Level.WARNING, limit=1, tail=True) == loud[-1:]

    def test_log_lines_hold_any_text(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            line = LogLine(message="nul \x00, half \ud800, \U0001f6a2", fields={"x": "\x00\ud800"})
            unit.log.append(world.org, world.runs, [line])
            (stored,) = unit.log.read(world.org, world.runs, after=1)
            assert stored.message == "nul \ufffd, half \ufffd, \U0001f6a2"
            assert stored.fields == line.fields
            with pytest.raises(NotFoundError) as missing:
                unit.log.append(world.org, "run_nothing", [line])
            assert missing.value.code == "run.not_found"

    # ── the error inbox ──────────────────────────────────────────────────────────────────────────

    def test_a_failure_is_reported_once(self, store: Store, world: World) -> None:
        errors = [world.fresh("record_errors", key=f"k{n}") for n in range(700)]
        again = [world.fresh("record_errors", key=error.key) for error in errors]
        without_key = [world.fresh("record_errors", key="") for _ in range(2)]
        with store.begin() as unit:
            before = unit.record_errors.count(world.org)
            assert unit.record_errors.report(world.org, errors[:600]) == 600
            assert unit.record_errors.report(world.org, [*again, *without_key]) == 102
            assert unit.record_errors.report(world.org, errors) == 0
            assert unit.record_errors.report(world.org, []) == 0
            assert unit.record_errors.count(world.org) == before + 702
            assert unit.record_errors.get(world.org, errors[0].id) == errors[0]
            elsewhere = replace(errors[0], id=new_id("err"), stream="other")
            assert unit.record_errors.report(world.org, [elsewhere]) == 1
            unit.record_errors.update(world.org, errors[0].id, status=ErrorStatus.RESOLVED)
            assert unit.record_errors.count(world.org, status=ErrorStatus.RESOLVED, run=world.runs) == 1
            assert unit.record_errors.count(world.org, status=list(ErrorStatus), stream="other") == 1

    def test_runs_are_refused_by_name_when_their_flow_is_missing(self, store: Store, world: World) -> None:
        with pytest.raises(NotFoundError) as missing, store.begin() as unit:
            unit.runs.add(world.org, world.fresh("runs", flow="flw_nothing"))
        assert missing.value.code == "flow.not_found"
        with pytest.raises(ConflictError), store.begin() as unit:
            unit.runs.add(world.org, world.fresh("runs", id=world.runs))
