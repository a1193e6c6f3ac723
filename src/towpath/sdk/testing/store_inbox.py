"""Failed records that are sent again: each by one run, and settled when it is over."""

from collections.abc import Sequence
from dataclasses import replace

from towpath.core.records import ErrorStatus
from towpath.core.repositories import Store, UnitOfWork
from towpath.sdk.testing.store_worlds import World


class InboxContract:
    """Mixed into the store contract."""

    def _inbox(self, unit: UnitOfWork, world: World, *streams: str, run: str = "") -> list[str]:
        """Ids of new open errors, one in each stream."""
        errors = [replace(world.fresh("record_errors"), stream=stream) for stream in streams]
        unit.record_errors.report(world.org, [replace(one, run=run or one.run) for one in errors])
        return [error.id for error in errors]

    def _statuses(self, unit: UnitOfWork, world: World, ids: Sequence[str]) -> list[tuple[str, str | None]]:
        errors = [unit.record_errors.get(world.org, id) for id in ids]
        return [(str(error.status), error.retry) for error in errors]

    def test_only_open_errors_are_claimed_or_changed(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            ids = self._inbox(unit, world, *["s"] * 700)
            assert unit.record_errors.amend(world.org, ids[0], {"id": 1})
            unit.record_errors.update(world.org, ids[1], status=ErrorStatus.RESOLVED)
            assert unit.record_errors.claim(world.org, ids, "run_a") == 699
            assert unit.record_errors.claim(world.org, ids, "run_b") == 0
            assert unit.record_errors.claim(world.org, [], "run_b") == 0
            assert self._statuses(unit, world, ids[:2]) == [("retrying", "run_a"), ("resolved", None)]
            assert not unit.record_errors.amend(world.org, ids[0], {"id": 2})
            assert not unit.record_errors.amend(world.org, "err_nothing", {"id": 2})
            assert unit.record_errors.get(world.org, ids[0]).record == {"id": 1}
            assert (world.org, "run_a") in unit.record_errors.retried()

    def test_a_retry_is_settled_by_stream(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            ids = self._inbox(unit, world, "done", "failed", "failed", "other")
            retry = unit.runs.add(world.org, world.fresh("runs")).id
            unit.record_errors.claim(world.org, ids[:3], retry)
            new = self._inbox(unit, world, "done", "failed", run=retry)
            for _ in range(2):
                unit.record_errors.settle(world.org, retry, ["done"])
                assert self._statuses(unit, world, ids) == [
                    ("resolved", retry),
                    ("open", None),
                    ("open", None),
                    ("open", None),
                ]
                # What it says of the failed stream are the records that are open again.
                assert self._statuses(unit, world, new) == [("open", None), ("resolved", None)]
            assert (world.org, retry) not in unit.record_errors.retried()
            unit.record_errors.claim(world.org, ids[1:], "run_gone")
            unit.record_errors.settle(world.org, "run_gone", [])
            assert self._statuses(unit, world, ids[1:]) == [("open", None)] * 3
