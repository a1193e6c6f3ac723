"""Many runs at a glance: what lists of them ask, in as few queries as there are questions."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from towpath.core.records import AuditEntry, ErrorStatus, RunStatus, RunStream, now
from towpath.core.repositories import Standing, Store, UnitOfWork
from towpath.sdk.testing.store_worlds import STREAM, World, make_world


class OverviewContract:
    """Mixed into the store contract."""

    def _stream(self, unit: UnitOfWork, world: World, name: str, run: str = "") -> RunStream:
        head, _ = world.plan()
        row = replace(head, stream=name, run=run or world.runs)
        unit.streams.save_plan(world.org, row, [])
        return unit.streams.get(world.org, row.run, name)

    def test_rows_between_two_moments(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            first = unit.runs.get(world.org, world.runs)
            second = unit.runs.add(world.org, world.fresh("runs"))
            unit.runs.claim(world.org, first.id)
            started = unit.runs.get(world.org, first.id).started_at
            assert started is not None
            tick, ids = timedelta(microseconds=1), [first.id, second.id]
            for column, since, until, expected in (
                ("created_at", None, None, ids),
                ("created_at", first.created_at + tick, None, ids[1:]),
                ("created_at", first.created_at, first.created_at, []),
                ("created_at", first.created_at, first.created_at + tick, ids[:1]),
                ("created_at", second.created_at, None, ids[1:]),
                ("started_at", started, started + tick, ids[:1]),
                ("started_at", None, started + tick, ids[:1]),
            ):
                found = unit.runs.list(world.org, between={column: (since, until)})
                assert [run.id for run in found] == expected, (column, since, until)
            assert unit.runs.list(world.org, between={}, id=ids[0]) == unit.runs.list(world.org, id=ids[0])

    def test_streams_are_found_by_what_they_belong_to(self, store: Store, world: World) -> None:
        other = make_world(store)
        with store.begin() as unit:
            run = unit.runs.add(
                world.org, world.fresh("runs", flow=unit.flows.add(world.org, world.fresh("flows")).id)
            )
            own = unit.streams.get(world.org, world.runs, STREAM)
            more = [self._stream(unit, world, name, run.id) for name in ("b", "a")]
            runs = [world.runs, run.id, other.runs]
            found = unit.streams.of(world.org, runs)
            assert [row.id for row in found] == [own.id, more[1].id, more[0].id]
            assert unit.streams.of(world.org, []) == []
            assert unit.streams.find(world.org, own.id) == own
            assert unit.streams.find(world.org, "") is None
            newest = [more[1].id, more[0].id, own.id]
            unit.runs.claim(world.org, run.id)
            cases: list[tuple[dict[str, Any], list[str]]] = [
                ({}, newest),
                ({"after": newest[0]}, newest[1:]),
                ({"limit": 2}, newest[:2]),
                ({"runs": runs}, newest),
                ({"runs": []}, []),
                ({"flows": [run.flow, other.flows]}, newest[:2]),
                ({"status": [RunStatus.RUNNING]}, newest[:2]),
                ({"status": [RunStatus.QUEUED], "runs": [run.id]}, []),
                ({"between": {"created_at": (more[0].created_at, None)}}, newest[:2]),
                ({"between": {"started_at": (own.created_at, None)}}, []),
            ]
            for chosen, expected in cases:
                found = unit.streams.search(world.org, **{"limit": 10, **chosen})
                assert [row.id for row in found] == expected, chosen

    def test_errors_are_counted_by_record(self, store: Store, world: World) -> None:
        other = make_world(store)
        with store.begin() as unit:
            run = unit.runs.add(world.org, world.fresh("runs")).id
            kept = ["p.0/s#1", "p.1/s#1", "p.1/s#2", "p.1/s#11", "other"]
            errors = [world.fresh("record_errors", run=run, stream="s", key=key) for key in kept]
            unit.record_errors.report(world.org, [*errors, world.fresh("record_errors", run=run, stream="t")])
            runs = [run, world.runs, other.runs]
            assert unit.record_errors.unresolved(world.org, runs) == {
                (run, "s"): 3, (run, "t"): 1, (world.runs, STREAM): 1,
            }  # fmt: skip
            unit.record_errors.claim(world.org, [errors[0].id], "run_again")
            assert unit.record_errors.resolve(world.org, [one.id for one in errors[:2]]) == 1
            assert unit.record_errors.resolve(world.org, [errors[1].id, "err_nothing"]) == 0
            assert unit.record_errors.get(world.org, errors[0].id).status is ErrorStatus.RETRYING
            assert unit.record_errors.unresolved(world.org, [run]) == {(run, "s"): 2, (run, "t"): 1}
            assert unit.record_errors.unresolved(world.org, []) == {}

    def test_how_steps_stand(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            late = now() + timedelta(days=1)
            errors = [
                world.fresh("record_errors", stream=stream, created_at=at)
                for stream, at in (("s", late), ("s", now()), ("t", now()))
            ]
            unit.record_errors.report(world.org, errors)
            unit.record_errors.resolve(world.org, [errors[2].id, world.record_errors])
            idle = unit.flows.add(world.org, world.fresh("flows")).id
            found = unit.record_errors.standing(world.org, [world.flows, idle])
            assert found == [Standing(world.flows, "s", 2, late)]
            assert unit.record_errors.standing(world.org, []) == []

    def test_who_did_it_last(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            for actor, action, object in (
                ("user:a", "x", "one"), ("user:b", "x", "one"), ("user:c", "y", "one"), ("key:d", "x", "two"),
            ):  # fmt: skip
                entry = AuditEntry(org=world.org, actor=actor, action=action, object=object)
                unit.audit.append(world.org, entry)
            asked = ["one", "two", "three"]
            assert unit.audit.actors(world.org, "x", asked) == {"one": "user:b", "two": "key:d"}
            assert unit.audit.actors(world.org, "x", []) == {}
