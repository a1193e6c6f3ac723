"""Values that programs keep, buckets that processes share, lines of who debugs."""

from datetime import timedelta
from typing import Any

import pytest

from towpath.core.errors import NotFoundError
from towpath.core.ids import new_id
from towpath.core.records import DebugLine, now
from towpath.core.repositories import Store
from towpath.sdk.testing.store_worlds import World, make_world


class ItemsContract:
    """For a store in the fixture ``store``."""

    @pytest.mark.parametrize("value", [None, False, 0, "", "ü/☃", 2**70, [1, {"a": None}], {"counter": 1}])
    def test_any_json_is_a_value(self, store: Store, world: World, value: Any) -> None:
        with store.begin() as unit:
            assert unit.values.put(world.org, "", "a key/with ü", value)
            assert not unit.values.put(world.org, "", "a key/with ü", value)
            kept = unit.values.get(world.org, "", "a key/with ü")
        assert kept is not None
        assert kept.value == value
        assert type(kept.value) is type(value)

    def test_scopes_keep_values_apart(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            for scope, key in (("", "b"), ("", "a"), ("imp_1", "a"), ("imp_1", "ab%")):
                unit.values.put(world.org, scope, key, scope)
            assert unit.values.keys(world.org, "") == ["a", "b"]
            assert [value.key for value in unit.values.find(world.org, "imp_1", prefix="ab")] == ["ab%"]
            assert [value.key for value in unit.values.find(world.org, "imp_1", prefix="%")] == []
            assert unit.values.remove(world.org, "", "a") == 1
            assert unit.values.remove(world.org, "", "a") == 0
            assert unit.values.remove(world.org, "imp_1") == 2
            assert unit.values.keys(world.org, "") == ["b"]
            assert unit.values.get(world.org, "imp_1", "a") is None

    def test_a_bucket_holds_what_it_holds(self, store: Store, world: World) -> None:
        at, name = now(), new_id("bucket")

        def take(seconds: float) -> float:
            with store.begin() as unit:
                return unit.buckets.take(world.org, name, 3, 2, at + timedelta(seconds=seconds))

        assert [take(0) for _ in range(4)] == [0, 0, 0, 0.5]
        assert take(0.25) == pytest.approx(0.25)
        assert [take(0.5), take(0.5)] == [0, pytest.approx(0.5)]
        assert take(0.4) == pytest.approx(0.5)  # a clock behind does not turn time back
        assert [take(100) for _ in range(4)] == [0, 0, 0, 0.5]

    def test_buckets_are_each_organizations_own(self, store: Store, world: World) -> None:
        at, other = now(), make_world(store)
        with store.begin() as unit:
            assert unit.buckets.take(world.org, "api", 1, 1, at) == 0
            assert unit.buckets.take(world.org, "api", 1, 1, at) == 1
            assert unit.buckets.take(other.org, "api", 1, 1, at) == 0
            assert unit.buckets.take(world.org, "more", 1, 1, at) == 0

    def test_debug_lines(self, store: Store, world: World) -> None:
        connection, at = world.connections, now()
        lines = [
            DebugLine(connection=connection, step=step, what="request", detail={"n": n}, at=at)
            for n, step in enumerate((None, "exp_1", "imp_1", "exp_1"))
        ]
        with store.begin() as unit:
            unit.debug_lines.remove(world.org, connection)
            unit.debug_lines.append(world.org, lines)
            unit.debug_lines.append(world.org, [])
            assert unit.debug_lines.read(world.org, connection) == lines
            assert unit.debug_lines.read(world.org, connection, limit=2) == lines[2:]
            assert unit.debug_lines.read(world.org, connection, step="exp_1") == [lines[1], lines[3]]
            unit.debug_lines.sweep(at)
            assert unit.debug_lines.read(world.org, connection) == lines
            unit.debug_lines.sweep(at + timedelta(seconds=1))
            assert unit.debug_lines.read(world.org, connection) == []

    def test_parts_of_an_item_go_with_it(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            app = unit.items.add(world.org, world.fresh("items", kind="app", name="same"))
            unit.items.add(world.org, world.fresh("items", kind="app", name="same"))
            part = unit.items.add(world.org, world.fresh("items", kind="license", parent=app.id))
            unit.items.delete(world.org, app.id)
            with pytest.raises(NotFoundError):
                unit.items.get(world.org, part.id)
