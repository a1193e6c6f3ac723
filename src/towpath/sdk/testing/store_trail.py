"""The audit trail: one chain per organization, and whatever is done to it behind the store's back."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from towpath.core.errors import InternalError, NotFoundError
from towpath.core.ids import new_id
from towpath.core.records import AuditBreak, AuditEntry, AuditHead, Organization
from towpath.core.repositories import Store
from towpath.sdk.testing.store_worlds import World, make_world

#: Changes an audit trail behind the store's back: ``tamper(org, how, seq)`` with how = ``change`` (the entry
#: at place ``seq``, from 1), ``remove`` it, ``renumber`` (and close the gap), ``swap`` it with the next,
#: ``insert`` a copy before it, ``cut`` off it and all after it, ``add`` one at the end that is chained well,
#: ``head``: put the head there, ``behead``: remove the head.
Tamper = Callable[[str, str, int], None]


class TrailContract:
    """For a store in the fixture ``store`` and the `Tamper` in the fixture ``tamper``."""

    def _trail(self, store: Store, world: World, count: int = 4) -> list[AuditEntry]:
        with store.begin() as unit:
            for n in range(count):
                entry = AuditEntry(
                    org=world.org,
                    actor="user:é",
                    action="a.b",
                    object=f"con_{n}",
                    address="::1",
                    detail={"b": [1.5, None, 2**80], "a": "\x00", "when": n},
                )
                unit.audit.append(world.org, entry)
            return list(unit.audit.list(world.org))

    def test_entries_are_chained(self, store: Store, world: World) -> None:
        trail = self._trail(store, world)
        make_world(store)
        assert [entry.previous for entry in trail] == ["", *(entry.digest for entry in trail[:-1])]
        assert len({entry.digest for entry in trail}) == len(trail)
        with store.read() as unit:
            assert unit.audit.verify(world.org) is None
            assert unit.audit.list(world.org, after=trail[1].id, limit=2) == trail[2:4]

    def test_an_entry_is_appended_once(self, store: Store, world: World) -> None:
        trail = self._trail(store, world)
        with store.begin() as unit:
            assert unit.audit.append(world.org, replace(trail[1], previous="", digest="")) == trail[1]
            assert unit.audit.list(world.org) == trail
            with pytest.raises(InternalError):
                unit.audit.append(world.org, replace(trail[1], id="new", org="another"))

    @pytest.mark.parametrize(
        ("how", "place", "broken", "reason"),
        [
            ("change", 1, 1, "changed"),
            ("change", 3, 3, "changed"),
            ("change", 5, 5, "changed"),
            ("remove", 1, 1, "missing"),
            ("remove", 2, 2, "missing"),
            ("swap", 2, 2, "changed"),
            ("renumber", 3, 3, "changed"),
            ("insert", 3, 3, "changed"),
            ("remove", 5, 5, "cut off"),
            ("cut", 3, 3, "cut off"),
            ("cut", 1, 1, "cut off"),
            ("behead", 0, 6, "cut off"),
            ("add", 0, 6, "changed"),
        ],
    )
    def test_the_first_break_is_named(
        self, store: Store, world: World, tamper: Tamper, how: str, place: int, broken: int, reason: str
    ) -> None:
        trail = self._trail(store, world)
        assert len(trail) == 5
        tamper(world.org, how, place)
        with store.read() as unit:
            found = unit.audit.verify(world.org)
            there = list(unit.audit.list(world.org))
        assert found is not None
        assert (found.seq, found.reason) == (broken, reason)
        assert found.entry == (there[broken - 1] if reason == "changed" else None)

    def test_a_head_kept_elsewhere_shows_more(self, store: Store, world: World, tamper: Tamper) -> None:
        """Who can move the head in the store cannot move the one outside."""
        trail = self._trail(store, world)
        with store.begin() as unit:
            known = unit.audit.head(world.org)
            assert known == AuditHead(5, trail[-1].digest)
            assert unit.audit.verify(world.org, [known]) is None
            unit.audit.extend(world.org, [replace(trail[0], id=new_id("aud"))])
            assert unit.audit.verify(world.org, [known]) is None
            earlier = AuditHead(2, trail[1].digest)
            assert unit.audit.verify(world.org, [earlier, known, earlier]) is None
            forked = AuditHead(known.seq, trail[0].digest)
            assert unit.audit.verify(world.org, [known, forked]) == AuditBreak(5, "changed", trail[4])
            found = unit.audit.verify(world.org, [AuditHead(2, trail[2].digest)])
            assert found == AuditBreak(2, "changed", trail[1])
        tamper(world.org, "cut", 4)
        tamper(world.org, "head", 3)
        with store.read() as unit:
            assert unit.audit.verify(world.org) is None
            assert unit.audit.verify(world.org, [earlier]) is None
            assert unit.audit.verify(world.org, [known]) == AuditBreak(4, "cut off")

    def test_an_empty_trail(self, store: Store) -> None:
        with store.begin() as unit:
            org = unit.organizations.add(Organization(name=new_id("organization"))).id
            assert unit.audit.head(org) == AuditHead()
            assert unit.audit.verify(org) is None
            assert unit.audit.verify(org, [AuditHead(1, "x")]) == AuditBreak(1, "cut off")
            unit.audit.extend(org, [])
            assert unit.audit.head(org) == AuditHead()
            with pytest.raises(NotFoundError) as missing:
                unit.audit.extend(
                    "org_nobody", [AuditEntry(org="org_nobody", actor="a", action="b", object="c")]
                )
            assert missing.value.code == "organization.not_found"

    def test_many_entries_at_once_are_one_chain(self, store: Store, world: World) -> None:
        before = self._trail(store, world)
        new = [replace(before[1], id=new_id("aud"), object=f"con_{n}", previous="x") for n in range(2500)]
        with store.begin() as unit:
            unit.audit.extend(world.org, new)
            one = unit.audit.append(world.org, replace(before[1], id=new_id("aud")))
        with store.read() as unit:
            trail = unit.audit.list(world.org, limit=10_000)
            assert unit.audit.verify(world.org) is None
            assert unit.audit.head(world.org) == AuditHead(len(trail), one.digest)
        assert [entry.id for entry in trail] == [entry.id for entry in (*before, *new, one)]

    def test_another_organizations_trail_is_no_concern(
        self, store: Store, world: World, tamper: Tamper
    ) -> None:
        other = make_world(store)
        tamper(other.org, "change", 1)
        with store.read() as unit:
            assert unit.audit.verify(other.org) is not None
            assert unit.audit.verify(world.org) is None
