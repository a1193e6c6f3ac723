"""What every store must do. Subclass `StoreContract` as ``Test…`` and give the fixture ``store``.

The suite is in parts: rows (here), what happens to runs (`store_history`), many of them at a glance
(`store_overview`), failed records that are sent again (`store_inbox`), lending credentials
(`store_lending`), what is only kept (`store_items`), the audit trail (`store_trail`), many at once
(`store_concurrency`), and one organization beside another (`store_isolation`). Tests make organizations of
their own, so that one store serves them all.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from towpath.core.errors import ConflictError, InternalError, NotFoundError
from towpath.core.ids import new_id
from towpath.core.records import Organization, now
from towpath.core.repositories import Store
from towpath.core.sealed import MasterKey
from towpath.sdk.testing.store_concurrency import ConcurrencyContract
from towpath.sdk.testing.store_history import HistoryContract
from towpath.sdk.testing.store_inbox import InboxContract
from towpath.sdk.testing.store_isolation import IsolationContract
from towpath.sdk.testing.store_items import ItemsContract
from towpath.sdk.testing.store_lending import LendingContract
from towpath.sdk.testing.store_overview import OverviewContract
from towpath.sdk.testing.store_trail import TrailContract
from towpath.sdk.testing.store_worlds import KINDS, MASTER_KEY, RECORDS, World, make_world, sealed

NAMED = [kind for kind in KINDS if "name" in RECORDS[kind].__dataclass_fields__ and kind != "items"]

#: Times that a careless store bends.
MOMENTS = [
    dt.datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=dt.UTC),
    dt.datetime(1970, 1, 1, tzinfo=dt.UTC),
    dt.datetime(1901, 12, 13, 20, 45, 51, 1, tzinfo=dt.UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC),
    dt.datetime(2024, 10, 27, 2, 30, 0, 7, tzinfo=ZoneInfo("Europe/Amsterdam")),
    dt.datetime(2024, 10, 27, 2, 30, 0, 7, tzinfo=ZoneInfo("Europe/Amsterdam"), fold=1),
    dt.datetime(2024, 7, 1, 12, 0, 0, 123_456, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=45))),
]


class RowsContract:
    """The methods that all repositories share, and the units of work around them."""

    @pytest.fixture
    def world(self, store: Store) -> World:
        return make_world(store)

    # ── units of work ────────────────────────────────────────────────────────────────────────────

    def test_a_unit_that_raises_leaves_nothing(self, store: Store, world: World) -> None:
        project = world.fresh("projects")
        with pytest.raises(ConflictError), store.begin() as unit:
            assert [unit.projects.add(world.org, project) for _ in range(2)]
        with store.read() as unit:
            assert unit.projects.find(world.org, id=project.id) is None

    def test_a_refused_step_does_not_spoil_the_unit(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            kept = unit.projects.add(world.org, world.fresh("projects"))
            with pytest.raises(ConflictError):
                unit.projects.add(world.org, kept)
            with pytest.raises(NotFoundError):
                unit.instances.add(world.org, world.fresh("instances", customer="nobody"))
        with store.read() as unit:
            assert unit.projects.get(world.org, kept.id) == kept

    def test_a_reading_unit_refuses_to_write(self, store: Store, world: World) -> None:
        with pytest.raises(InternalError) as refused, store.read() as unit:
            unit.projects.add(world.org, world.fresh("projects"))
        assert refused.value.code == "store.read_only_unit"
        with store.begin() as unit:
            unit.projects.add(world.org, world.fresh("projects"))

    def test_a_reading_unit_sees_one_moment(self, store: Store, world: World) -> None:
        with store.read() as reader:
            before = reader.projects.list(world.org)
            with store.begin() as unit:
                unit.projects.add(world.org, world.fresh("projects"))
            assert reader.projects.list(world.org) == before

    def test_migrating_again_changes_nothing(self, store: Store, world: World) -> None:
        store.migrate()
        with store.read() as unit:
            assert unit.organizations.get(world.org).id == world.org

    # ── organizations ────────────────────────────────────────────────────────────────────────────

    def test_organizations(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            stored = unit.organizations.get(world.org)
            assert stored in unit.organizations.list()
            with pytest.raises(ConflictError) as taken:
                unit.organizations.add(Organization(name=stored.name))
            with pytest.raises(NotFoundError) as missing:
                unit.organizations.get("org_nobody")
        assert (taken.value.code, missing.value.code) == ("organization.exists", "organization.not_found")

    def test_rows_need_their_organization(self, store: Store, world: World) -> None:
        with pytest.raises(NotFoundError) as missing, store.begin() as unit:
            unit.projects.add("org_nobody", replace(world.fresh("projects"), org="org_nobody"))
        assert missing.value.code == "organization.not_found"

    def test_a_row_of_another_organization_is_refused(self, store: Store, world: World) -> None:
        other = make_world(store)
        with pytest.raises(InternalError) as refused, store.begin() as unit:
            unit.projects.add(world.org, other.fresh("projects"))
        assert refused.value.code == "store.wrong_organization"

    # ── common methods ───────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_is_added_reads_back_equal(self, store: Store, world: World, kind: str) -> None:
        item = world.fresh(kind)
        with store.begin() as unit:
            assert getattr(unit, kind).add(world.org, item) == item
        with store.read() as unit:
            rows = getattr(unit, kind)
            assert rows.get(world.org, item.id) == item
            assert rows.find(world.org, id=item.id) == item
            assert rows.find(world.org, id="nothing") is None
            assert item in rows.list(world.org)

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_id_is_taken_once(self, store: Store, world: World, kind: str) -> None:
        with pytest.raises(ConflictError) as taken, store.begin() as unit:
            getattr(unit, kind).add(world.org, replace(world.fresh(kind), id=world.ids[kind]))
        assert taken.value.code == f"{kind.removesuffix('s')}.exists"

    @pytest.mark.parametrize("kind", NAMED)
    def test_a_name_is_taken_once_in_an_organization(self, store: Store, world: World, kind: str) -> None:
        other = make_world(store)
        item = world.fresh(kind)
        with store.begin() as unit:
            rows = getattr(unit, kind)
            rows.add(world.org, item)
            changes: list[Callable[[], Any]] = [
                lambda: rows.add(world.org, world.fresh(kind, name=item.name)),
                lambda: rows.update(world.org, world.ids[kind], name=item.name),
            ]
            for change in changes:
                with pytest.raises(ConflictError) as taken:
                    change()
                assert taken.value.code == f"{kind.removesuffix('s')}.exists"
                assert item.name in taken.value.message
            rows.add(other.org, other.fresh(kind, name=item.name))

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_update_changes_what_it_names(self, store: Store, world: World, kind: str) -> None:
        changes: dict[str, Any] = {"name": "Ünïcode ' \" \\ % name"} if kind in NAMED else {}
        with store.begin() as unit:
            rows = getattr(unit, kind)
            before = rows.get(world.org, world.ids[kind])
            after = rows.update(world.org, before.id, **changes)
            assert after.updated_at > before.updated_at
            assert after == replace(before, updated_at=after.updated_at, **changes)
            assert rows.get(world.org, before.id) == after
            with pytest.raises(TypeError):
                rows.update(world.org, before.id, no_such_column=1)
            with pytest.raises(TypeError):
                rows.update(world.org, before.id, org="another")

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_is_missing_is_named(self, store: Store, world: World, kind: str) -> None:
        with store.begin() as unit:
            rows = getattr(unit, kind)
            calls: list[Callable[[], Any]] = [
                lambda: rows.get(world.org, "nothing"),
                lambda: rows.update(world.org, "nothing"),
                lambda: rows.delete(world.org, "nothing"),
            ]
            for call in calls:
                with pytest.raises(NotFoundError) as missing:
                    call()
                assert missing.value.code == f"{kind.removesuffix('s')}.not_found"
                assert "nothing" in missing.value.message

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_nothing_uses_can_be_deleted(self, store: Store, world: World, kind: str) -> None:
        item = world.fresh(kind)
        with store.begin() as unit:
            rows = getattr(unit, kind)
            rows.add(world.org, item)
            rows.delete(world.org, item.id)
            assert rows.find(world.org, id=item.id) is None

    @pytest.mark.parametrize("kind", KINDS)
    def test_lists_page_in_id_order(self, store: Store, world: World, kind: str) -> None:
        with store.begin() as unit:
            rows = getattr(unit, kind)
            before = [row.id for row in rows.list(world.org)]
            items = [rows.add(world.org, world.fresh(kind)) for _ in range(5)]
            ids = [item.id for item in items]
            assert before == sorted(before)
            assert list(rows.list(world.org, after=before[-1])) == items
            assert [row.id for row in rows.list(world.org, after=ids[0], limit=2)] == ids[1:3]
            newest = rows.list(world.org, newest_first=True, limit=3)
            assert [row.id for row in newest] == ids[:1:-1]
            older = rows.list(world.org, newest_first=True, after=ids[2])
            assert [row.id for row in older] == [ids[1], ids[0], *reversed(before)]
            assert [row.id for row in rows.list(world.org, id={ids[3], ids[1], "x"})] == [ids[1], ids[3]]
            assert list(rows.list(world.org, id=[])) == []

    def test_lists_choose_by_columns(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            plain = unit.connections.add(world.org, world.fresh("connections", project=None))
            assert unit.connections.list(world.org, project=None) == [plain]
            both = unit.connections.list(world.org, project=[None, world.projects])
            assert [row.id for row in both] == [world.connections, plain.id]
            assert unit.connections.list(world.org, project=None, connector="mysql") == []
            with pytest.raises(ConflictError):
                unit.connections.find(world.org, connector="postgres")
            with pytest.raises(TypeError):
                unit.connections.list(world.org, no_such_column=1)

    @pytest.mark.parametrize("moment", MOMENTS, ids=str)
    def test_times_are_exact(self, store: Store, world: World, moment: dt.datetime) -> None:
        key = world.fresh("keys", last_used_at=moment, created_at=moment)
        with store.begin() as unit:
            unit.keys.add(world.org, key)
            stored = unit.keys.get(world.org, key.id)
        assert stored.last_used_at == moment.astimezone(dt.UTC)
        assert stored.created_at.utcoffset() == dt.timedelta(0)

    def test_times_without_zone_are_refused(self, store: Store, world: World) -> None:
        with pytest.raises(Exception, match="time zone"), store.begin() as unit:
            unit.keys.update(world.org, world.keys, last_used_at=dt.datetime(2024, 1, 1))

    # ── what refers to what ──────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize(
        ("kind", "user"),
        [
            ("projects", "connection"),
            ("customers", "connection"),
            ("instances", "key"),
            ("connections", "flow"),
            ("exports", "flow"),
            ("imports", "flow"),
            ("integrations", "flow"),
        ],
    )
    def test_what_is_in_use_stays(self, store: Store, world: World, kind: str, user: str) -> None:
        with store.read() as unit:
            name = getattr(unit, f"{user}s").get(world.org, world.ids[f"{user}s"]).name
        with pytest.raises(ConflictError) as used, store.begin() as unit:
            getattr(unit, kind).delete(world.org, world.ids[kind])
        assert used.value.code == f"{kind.removesuffix('s')}.in_use"
        assert f"{user} {name!r}" in used.value.message

    def test_a_connection_in_use_is_not_soft_deleted_either(self, store: Store, world: World) -> None:
        with pytest.raises(ConflictError) as used, store.begin() as unit:
            unit.connections.update(world.org, world.connections, deleted_at=now())
        assert used.value.code == "connection.in_use"

    def test_a_deleted_connection_and_a_revoked_key_free_their_names(
        self, store: Store, world: World
    ) -> None:
        with store.begin() as unit:
            for kind, ended in (("connections", "deleted_at"), ("keys", "revoked_at")):
                rows, first = getattr(unit, kind), world.fresh(kind)
                rows.add(world.org, first)
                rows.update(world.org, first.id, **{ended: now()})
                second = rows.add(world.org, world.fresh(kind, name=first.name))
                assert rows.find(world.org, name=first.name, **{ended: None}) == second
                with pytest.raises(ConflictError):
                    rows.update(world.org, first.id, **{ended: None})

    def test_a_flow_goes_with_its_history(self, store: Store, world: World) -> None:
        org = world.org
        with store.begin() as unit:
            with pytest.raises(ConflictError) as used:
                unit.flows.delete(org, world.flows)
            unit.runs.finish(org, world.runs, unit.runs.get(org, world.runs).status.SUCCEEDED)
            unit.flows.delete(org, world.flows)
            assert used.value.code == "flow.in_use"
            assert not unit.runs.list(org)
            assert not unit.record_errors.list(org)
            assert not unit.log.read(org, world.runs)
            assert not unit.states.list(org, world.flows)
            unit.exports.delete(org, world.exports)

    def test_flows_keep_the_order_of_their_ends(self, store: Store, world: World) -> None:
        with store.begin() as unit:
            more = [unit.exports.add(world.org, world.fresh("exports")).id for _ in range(3)]
            ends = (more[2], world.exports, more[0])
            assert unit.flows.update(world.org, world.flows, exports=ends).exports == ends
            assert unit.flows.get(world.org, world.flows).exports == ends
            with pytest.raises(NotFoundError) as missing:
                unit.flows.update(world.org, world.flows, imports=("imp_nothing",))
            assert missing.value.code == "import.not_found"

    # ── keys and secrets ─────────────────────────────────────────────────────────────────────────

    def test_keys_are_found_by_digest_whoever_owns_them(self, store: Store, world: World) -> None:
        other = make_world(store)
        with store.begin() as unit:
            key = unit.keys.get(world.org, world.keys)
            assert unit.keys.by_digest(key.digest) == key
            assert unit.keys.by_digest("nothing") is None
            with pytest.raises(ConflictError):
                unit.keys.add(other.org, other.fresh("keys", digest=key.digest))

    def test_secrets_are_replaced_as_a_whole_and_shredded(self, store: Store, world: World) -> None:
        org, connection = world.org, world.connections
        with store.begin() as unit:
            assert unit.secrets.get(org, connection) == sealed(org, connection)
            fresh = replace(sealed(org, connection, "second"), fields={"token": "x"})
            unit.secrets.put(org, fresh)
            assert unit.secrets.get(org, connection) == fresh
            for _ in range(2):
                unit.secrets.shred(org, connection)
                assert unit.secrets.get(org, connection) is None

    def test_master_keys_live_as_long_as_they_wrap(self, store: Store, world: World) -> None:
        old, new = MasterKey(new_id("old"), "a"), MasterKey(new_id("new"), "b")
        mine = replace(sealed(world.org, world.connections), key_id=old.key_id)
        with store.begin() as unit:
            unit.master_keys.lock()
            assert unit.master_keys.add(old) == unit.master_keys.add(replace(old, digest_key="other"))
            unit.master_keys.add(new)
            unit.secrets.put(world.org, mine)
            assert [key for key in unit.master_keys.list() if key in (old, new)] == [old, new]
            assert (unit.master_keys.in_use(old.key_id), unit.master_keys.in_use(new.key_id)) == (True, False)
            assert not unit.master_keys.retire(old.key_id)
            assert mine in unit.secrets.wrapped_by_others(new.key_id, 10_000)
            assert mine not in unit.secrets.wrapped_by_others(old.key_id, 10_000)
            place = (world.org, world.connections)
            assert not unit.secrets.rewrap(*place, "not this", "again", new.key_id)
            assert unit.secrets.rewrap(*place, mine.wrapped_key, "again", new.key_id)
            assert unit.master_keys.retire(old.key_id)
            assert unit.master_keys.retire(old.key_id)
            with pytest.raises(Exception, match=old.key_id) as retired:
                unit.secrets.put(world.org, mine)
            assert getattr(retired.value, "code", None) == "vault.key_retired"
            unit.secrets.put(world.org, sealed(*place))
            assert MASTER_KEY in unit.master_keys.list()


class StoreContract(
    RowsContract,
    HistoryContract,
    OverviewContract,
    InboxContract,
    LendingContract,
    ItemsContract,
    TrailContract,
    ConcurrencyContract,
    IsolationContract,
):
    """The whole suite.

    The fixture ``store`` is a migrated store; ``twins`` are others on the same database; ``tamper`` changes
    the rows of an audit trail behind their back.
    """

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        raise NotImplementedError
