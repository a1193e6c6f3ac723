"""Many at once: what must happen exactly once does, whoever is faster."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest

from towpath.core.errors import BusyError, ConflictError, NotFoundError
from towpath.core.ids import new_id
from towpath.core.records import AuditEntry, Counters, LogLine, Organization, RunStatus, now
from towpath.core.repositories import Remembered, Store, UnitOfWork
from towpath.sdk.testing.store_worlds import SPARES, STREAM, World, make_world

T = TypeVar("T")

THREADS = 20


def at_once(stores: Sequence[Store], work: Callable[[UnitOfWork, int], T]) -> list[T]:
    """Run ``work(unit, n)`` in its own unit of work in each of `THREADS` threads that start together."""
    start = threading.Barrier(THREADS)

    def one(number: int) -> T:
        start.wait(30)
        with stores[number % len(stores)].begin() as unit:
            return work(unit, number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


class ConcurrencyContract:
    """For a store in the fixture ``store``, and others on the same database, as other processes have them, in
    the fixture ``twins``.
    """

    @pytest.fixture
    def twins(self) -> Sequence[Store]:
        return ()

    @pytest.fixture
    def stores(self, store: Store, twins: Sequence[Store]) -> Sequence[Store]:
        return (store, *twins)

    def test_one_of_many_runs_is_claimed(self, store: Store, stores: Sequence[Store], world: World) -> None:
        with store.begin() as unit:
            runs = [unit.runs.add(world.org, world.fresh("runs")).id for _ in range(THREADS)]

        def claim(unit: UnitOfWork, number: int) -> str:
            try:
                return "claimed" if unit.runs.claim(world.org, runs[number]) else "gone"
            except BusyError:
                return "busy"

        assert sorted(at_once(stores, claim)) == ["busy"] * (THREADS - 1) + ["claimed"]

    def test_nothing_begins_to_use_a_connection_that_is_deleted(
        self, store: Store, stores: Sequence[Store], world: World
    ) -> None:
        with store.begin() as unit:
            wanted = unit.connections.add(world.org, world.fresh("connections")).id

        def one(unit: UnitOfWork, number: int) -> str:
            try:
                if number % 2:
                    unit.imports.add(world.org, world.fresh("imports", connection=wanted))
                    return "used"
                unit.connections.update(world.org, wanted, deleted_at=now())
            except (ConflictError, NotFoundError) as error:
                return error.code
            return "deleted"

        seen = set(at_once(stores, one))
        assert seen in ({"used", "connection.in_use"}, {"deleted", "connection.not_found"})

    def test_a_run_is_claimed_by_many_and_starts_once(self, stores: Sequence[Store], world: World) -> None:
        claimed = at_once(stores, lambda unit, _: unit.runs.claim(world.org, world.runs))
        assert len({run.started_at for run in claimed if run is not None}) == 1
        assert None not in claimed

    def test_a_run_ends_once(self, stores: Sequence[Store], world: World) -> None:
        ends = [RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED]
        runs = at_once(stores, lambda unit, n: unit.runs.finish(world.org, world.runs, ends[n % 3], {"n": n}))
        assert len({(run.status, str(run.error), run.ended_at) for run in runs}) == 1

    def test_a_cancelled_run_never_starts(self, store: Store, stores: Sequence[Store], world: World) -> None:
        """Whichever comes first: a run that was cancelled while queued is cancelled, not running."""

        def act(unit: UnitOfWork, number: int) -> tuple[str, Any]:
            if number % 2:
                return "claim", unit.runs.claim(world.org, world.runs)
            return "cancel", unit.runs.request_cancel(world.org, world.runs)

        done = at_once(stores, act)
        started = [run for kind, run in done if kind == "claim" and run is not None]
        with store.read() as unit:
            run = unit.runs.get(world.org, world.runs)
        assert run.cancel_requested
        assert run.status is (RunStatus.RUNNING if started else RunStatus.CANCELLED)

    def test_who_holds_a_run_decides_alone(self, store: Store, stores: Sequence[Store], world: World) -> None:
        """No more attempts begin than there is room for, however many look at once."""

        def begin(unit: UnitOfWork, number: int) -> None:
            unit.runs.lock(world.org, world.runs)
            begun = unit.attempts.list(world.org, world.runs, "slice/room")
            if len(begun) < 3:
                unit.attempts.begin(world.org, world.runs, "slice/room", f"w{number}")

        at_once(stores, begin)
        with store.read() as unit:
            assert len(unit.attempts.list(world.org, world.runs, "slice/room")) == 3

    def test_a_due_time_is_advanced_by_one(self, store: Store, stores: Sequence[Store], world: World) -> None:
        with store.read() as unit:
            seen = unit.flows.get(world.org, world.flows).next_due
        assert seen is not None
        won = at_once(stores, lambda unit, _: unit.flows.advance(world.org, world.flows, seen, now()))
        assert sorted(won) == [False] * (THREADS - 1) + [True]

    def test_one_plan_of_an_epoch_is_kept(self, store: Store, stores: Sequence[Store], world: World) -> None:
        def save(unit: UnitOfWork, number: int) -> None:
            unit.streams.save_plan(world.org, *world.plan(*(f"p{number}_{n}" for n in range(3)), epoch=1))

        at_once(stores, save)
        with store.read() as unit:
            slices = unit.streams.slices(world.org, world.runs, STREAM)
        assert len(slices) == 3
        assert len({part.slice.partition("_")[0] for part in slices}) == 1

    def test_one_report_of_a_slice_is_kept(self, store: Store, stores: Sequence[Store], world: World) -> None:
        def report(unit: UnitOfWork, number: int) -> None:
            counters = Counters(read=number, written=number)
            unit.streams.slice_done(world.org, world.runs, STREAM, 0, "s0", {"by": number}, counters)

        at_once(stores, report)
        with store.read() as unit:
            done = unit.streams.slices(world.org, world.runs, STREAM)[0]
        assert done.receipt is not None
        assert done.counters.read == done.receipt["by"]

    def test_an_attempt_ends_once(self, store: Store, stores: Sequence[Store], world: World) -> None:
        at_once(stores, lambda unit, n: unit.attempts.end(world.org, world.attempts, "failed", {"by": n}))
        with store.read() as unit:
            (ended,) = unit.attempts.list(world.org, world.runs)
        at_once(stores, lambda unit, n: unit.attempts.end(world.org, world.attempts, "done", {"by": n}))
        with store.read() as unit:
            assert unit.attempts.list(world.org, world.runs) == [ended]

    def test_every_reset_begins_a_generation(
        self, store: Store, stores: Sequence[Store], world: World
    ) -> None:
        """And nothing of an old generation comes in any more."""

        def act(unit: UnitOfWork, number: int) -> int | None:
            if number % 2:
                unit.states.save(world.org, world.flows, STREAM, 0, {"cursor": number}, "run")
                return None
            return unit.states.reset(world.org, world.flows, STREAM).generation

        generations = [made for made in at_once(stores, act) if made is not None]
        assert sorted(generations) == list(range(1, THREADS // 2 + 1))
        with store.read() as unit:
            assert unit.states.get(world.org, world.flows, STREAM).state is None

    def test_the_first_state_of_a_stream_is_one_row(
        self, store: Store, stores: Sequence[Store], world: World
    ) -> None:
        saved = at_once(
            stores, lambda unit, n: unit.states.save(world.org, world.flows, "new", 0, {"cursor": n}, "run")
        )
        assert all(saved)
        with store.read() as unit:
            assert unit.states.get(world.org, world.flows, "new").generation == 0

    def test_a_failure_is_reported_by_one(self, stores: Sequence[Store], world: World) -> None:
        def report(unit: UnitOfWork, _: int) -> int:
            errors = [world.fresh("record_errors", key=f"same {n}") for n in range(5)]
            return unit.record_errors.report(world.org, errors)

        assert sum(at_once(stores, report)) == 5

    def test_a_failure_is_claimed_by_one(self, store: Store, stores: Sequence[Store], world: World) -> None:
        errors = [world.fresh("record_errors") for _ in range(20)]
        with store.begin() as unit:
            unit.record_errors.report(world.org, errors)
        ids = [error.id for error in errors]
        taken = at_once(stores, lambda unit, n: unit.record_errors.claim(world.org, ids, f"run_{n}"))
        assert sorted(taken) == [0] * (THREADS - 1) + [20]

    def test_the_audit_trail_is_one_chain(self, store: Store, stores: Sequence[Store], world: World) -> None:
        def append(unit: UnitOfWork, number: int) -> list[str]:
            entries = [
                AuditEntry(org=world.org, actor="cli", action="x", object=f"{number}.{n}") for n in range(3)
            ]
            return [unit.audit.append(world.org, entry).id for entry in entries]

        appended = {id for ids in at_once(stores, append) for id in ids}
        with store.read() as unit:
            trail = unit.audit.list(world.org)
            assert unit.audit.verify(world.org) is None
        assert {entry.id for entry in trail} >= appended
        assert len(trail) == len(appended) + 1

    def test_entries_come_in_batches_and_stay_one_chain(
        self, store: Store, stores: Sequence[Store], world: World
    ) -> None:
        """Also where the organization's first entries ever are written by many at once."""
        with store.begin() as unit:
            org = unit.organizations.add(Organization(name=new_id("organization"))).id

        def extend(unit: UnitOfWork, number: int) -> None:
            batch = [AuditEntry(org=org, actor="cli", action="x", object=f"{number}.{n}") for n in range(5)]
            unit.audit.extend(org, batch)

        at_once(stores, extend)
        with store.read() as unit:
            trail = [entry.object for entry in unit.audit.list(org)]
            assert unit.audit.verify(org) is None
            assert unit.audit.head(org).seq == THREADS * 5
        batches = [trail[start : start + 5] for start in range(0, len(trail), 5)]
        assert sorted(batches) == sorted([f"{n}.{m}" for m in range(5)] for n in range(THREADS))

    def test_batches_for_several_organizations_do_not_block_each_other(
        self, store: Store, stores: Sequence[Store], world: World
    ) -> None:
        """As long as all take the organizations in one order."""
        others = [make_world(store).org for _ in range(3)]
        orgs = sorted([world.org, *others])
        before = self._lengths(store, orgs)

        def extend(unit: UnitOfWork, number: int) -> None:
            for org in orgs[number % 3 :]:
                unit.audit.extend(org, [AuditEntry(org=org, actor="cli", action="x", object=str(number))])

        at_once(stores, extend)
        grown = [after - at for after, at in zip(self._lengths(store, orgs), before, strict=True)]
        assert grown == [7, 14, 20, 20]

    def _lengths(self, store: Store, orgs: Sequence[str]) -> list[int]:
        with store.read() as unit:
            assert [unit.audit.verify(org) for org in orgs] == [None] * len(orgs)
            return [unit.audit.head(org).seq for org in orgs]

    def test_one_of_many_holds_a_lease(self, stores: Sequence[Store], store: Store, world: World) -> None:
        at = now()
        with store.begin() as unit:
            fresh = unit.connections.add(world.org, world.fresh("connections")).id
        for connection, free in ((fresh, at), (world.connections, at + timedelta(hours=1))):

            def claim(unit: UnitOfWork, number: int, id: str = connection, at: datetime = free) -> bool:
                return unit.renewals.claim(world.org, id, f"w{number}", at, at + timedelta(minutes=1))

            assert sum(at_once(stores, claim)) == 1

    def test_one_answer_of_a_sign_in_is_taken(self, stores: Sequence[Store], world: World) -> None:
        used = at_once(
            stores, lambda unit, _: unit.authorizations.use(world.org, world.authorizations, now())
        )
        assert sum(used) == 1

    def test_one_browser_opens_a_sign_in(self, store: Store, stores: Sequence[Store], world: World) -> None:
        with store.begin() as unit:
            link = unit.authorizations.add(world.org, world.fresh("authorizations", browser=None)).id
        opened = at_once(stores, lambda unit, n: unit.authorizations.open(world.org, link, f"b{n}"))
        assert sum(opened) == 1

    def test_one_of_many_sends_an_event(self, stores: Sequence[Store], world: World) -> None:
        sent = at_once(stores, lambda unit, _: unit.events.postpone(world.org, world.events, 0, now()))
        assert sum(sent) == 1

    def test_a_request_is_done_by_one(self, stores: Sequence[Store], world: World) -> None:
        key = new_id("key")
        earlier = at_once(stores, lambda unit, n: unit.requests.remember(world.org, key, "print", f"con_{n}"))
        assert earlier.count(None) == 1
        assert {found for found in earlier if found} == {Remembered("print", f"con_{earlier.index(None)}")}

    def test_every_number_is_given_once(self, store: Store, stores: Sequence[Store], world: World) -> None:
        """Half of the ids are asked for by all, in another order each; the others by one."""
        common = [f"common {n}" for n in range(5)]

        def assign(unit: UnitOfWork, number: int) -> Mapping[str, int]:
            turned = common[number % 5 :] + common[: number % 5]
            return unit.numbers.assign(world.org, "connection", [*turned, f"own {number}"])

        given = at_once(stores, assign)
        together = {id: number for part in given for id, number in part.items()}
        assert all(part.items() <= together.items() for part in given)
        assert sorted(together.values()) == list(range(1, THREADS + 6))

    def test_many_touch_the_same_rows(self, store: Store, stores: Sequence[Store], world: World) -> None:
        at, every = now(), timedelta(seconds=1)
        with store.begin() as unit:
            ids = [unit.connections.add(world.org, world.fresh("connections")).id for _ in range(5)]

        def use(unit: UnitOfWork, number: int) -> None:
            turned = ids[number % 5 :] + ids[: number % 5]
            unit.connections.touch(world.org, turned, at + timedelta(minutes=number), every)

        at_once(stores, use)
        with store.read() as unit:
            used = {row.last_used_at for row in unit.connections.list(world.org, id=ids)}
        assert used == {at + timedelta(minutes=THREADS - 1)}

    def test_a_grant_is_given_once(self, stores: Sequence[Store], world: World) -> None:
        def add(unit: UnitOfWork, _: int) -> bool:
            try:
                unit.grants.add(world.org, world.fresh("grants", instance=world.ids[SPARES[0]]))
            except ConflictError:
                return False
            return True

        assert sum(at_once(stores, add)) == 1

    def test_a_customers_name_is_given_to_one(self, stores: Sequence[Store], world: World) -> None:
        def add(unit: UnitOfWork, _: int) -> bool:
            try:
                unit.connections.add(world.org, world.fresh("connections", name="same"))
            except ConflictError:
                return False
            return True

        assert sum(at_once(stores, add)) == 1

    def test_a_follower_of_the_log_misses_nothing(
        self, store: Store, stores: Sequence[Store], world: World
    ) -> None:
        """Lines become visible in the order of their numbers, however long their writers take."""
        done = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            follower = pool.submit(self._follow, store, world, done)

            def append(unit: UnitOfWork, number: int) -> None:
                for n in range(5):
                    unit.log.append(world.org, world.runs, [LogLine(message=f"{number}.{n}")] * 2)

            try:
                at_once(stores, append)
            finally:
                done.set()
            seen = follower.result(60)
        with store.read() as unit:
            everything = [line.seq for line in unit.log.read(world.org, world.runs)]
        assert seen == everything
        assert len(everything) == THREADS * 10 + 1

    def _follow(self, store: Store, world: World, done: threading.Event) -> list[int]:
        seen: list[int] = []
        while True:
            last_look = done.is_set()
            with store.read() as unit:
                lines = unit.log.read(world.org, world.runs, after=seen[-1] if seen else 0)
            seen += [line.seq for line in lines]
            if last_look:
                return seen
            done.wait(0.002)

    def test_a_name_is_given_to_one(self, stores: Sequence[Store], world: World) -> None:
        item = world.fresh("projects")

        def add(unit: UnitOfWork, _: int) -> bool:
            try:
                unit.projects.add(world.org, world.fresh("projects", name=item.name))
            except ConflictError:
                return False
            return True

        assert sum(at_once(stores, add)) == 1
