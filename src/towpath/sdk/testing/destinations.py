"""What every destination must do: modes, atomic commit, re-done slices, resume, hostile input, types."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from towpath.core.errors import ConfigError, SchemaError
from towpath.core.model import Batch, Checkpoint, Slice, WriteMode
from towpath.core.ports import Destination
from towpath.sdk.testing.data import HOSTILE_NAMES, TYPES, every_type, hostile_rows
from towpath.sdk.testing.destination_harness import PEOPLE, DestinationHarness


class DestinationContract(DestinationHarness):
    """Subclass it as ``Test…``, set ``connector``, and give the fixture ``config`` and ``read_back``."""

    def test_partitions_are_made_or_refused(self, destination: Destination) -> None:
        target = self.target(partition_by=("age",))
        if self.knows_partitions:
            destination.prepare(target)
            destination.discard(target)
            return
        with pytest.raises(ConfigError) as caught:
            destination.prepare(target)
        assert caught.value.code == "partition.unsupported"

    # ── two phases ───────────────────────────────────────────────────────────────────────────────

    def test_check_says_what_answered(self, destination: Destination) -> None:
        assert destination.check()

    def test_nothing_shows_before_the_commit(self, config: Any, destination: Destination) -> None:
        target = self.target()
        destination.prepare(target)
        receipt, _ = self.write(destination, target, PEOPLE)
        assert self.read_back(config, target) is None
        assert receipt.rows == PEOPLE.num_rows
        destination.commit(target, [receipt], Checkpoint(target.run, 1, None))
        self.assert_holds(config, target, PEOPLE)

    def test_a_run_that_gives_up_leaves_nothing(self, config: Any, destination: Destination) -> None:
        target = self.target()
        destination.prepare(target)
        self.write(destination, target, PEOPLE, "s0001")
        writer = destination.writer(target, Slice("s0002"))
        writer.write(Batch(PEOPLE.to_batches()[0]))
        writer.abandon()
        destination.discard(target)
        destination.discard(target)
        assert self.read_back(config, target) is None
        assert self.leftovers(config) == []

    def test_a_failed_run_leaves_the_target_as_it_was(self, config: Any, destination: Destination) -> None:
        self.run(destination, self.target(), PEOPLE)
        second = self.target(run="run_02")
        destination.prepare(second)
        self.write(destination, second, PEOPLE.slice(0, 1))
        destination.discard(second)
        self.assert_holds(config, second, PEOPLE)
        assert self.leftovers(config) == []

    def test_discard_after_commit_touches_nothing(self, config: Any, destination: Destination) -> None:
        target = self.target()
        self.run(destination, target, PEOPLE)
        destination.discard(target)
        self.assert_holds(config, target, PEOPLE)
        assert self.leftovers(config) == []

    def test_the_next_run_sweeps_what_a_dead_one_left(self, config: Any, destination: Destination) -> None:
        dead = self.target(run="run_01")
        destination.prepare(dead)
        self.write(destination, dead, PEOPLE)
        self.run(destination, self.target(run="run_02"), PEOPLE)
        self.assert_holds(config, dead, PEOPLE)
        assert self.leftovers(config) == []

    def test_prepare_twice_keeps_what_is_staged(self, config: Any, destination: Destination) -> None:
        target = self.target()
        destination.prepare(target)
        receipt, _ = self.write(destination, target, PEOPLE)
        destination.prepare(target)
        destination.commit(target, [receipt], Checkpoint(target.run, 1, None))
        self.assert_holds(config, target, PEOPLE)

    def test_a_source_in_the_same_place_sees_the_target_only(
        self, config: Any, destination: Destination
    ) -> None:
        if self.connector.source is None:
            pytest.skip(f"{self.connector.name} is no source")
        first, second = self.target(), self.target(run="run_02")
        self.run(destination, first, PEOPLE)
        destination.prepare(second)
        self.write(destination, second, PEOPLE)
        with self.connector.source(config) as source:
            assert [stream.name for stream in source.discover()] == [first.name]

    # ── slices ───────────────────────────────────────────────────────────────────────────────────

    def test_many_slices_one_commit(self, config: Any, destination: Destination) -> None:
        pieces = [PEOPLE.slice(at, 1) for at in range(3)]
        self.run(destination, self.target(), *pieces)
        self.assert_holds(config, self.target(), PEOPLE)

    def test_a_slice_may_be_empty(self, config: Any, destination: Destination) -> None:
        self.run(destination, self.target(), PEOPLE, PEOPLE.slice(0, 0))
        self.assert_holds(config, self.target(), PEOPLE)

    def test_a_redone_slice_counts_once(self, config: Any, destination: Destination) -> None:
        """# Invariant 3"""
        target = self.target()
        destination.prepare(target)
        self.write(destination, target, PEOPLE)
        receipt, _ = self.write(destination, target, PEOPLE)
        destination.commit(target, [receipt], Checkpoint(target.run, 1, None))
        self.assert_holds(config, target, PEOPLE)

    def test_a_slice_redone_after_a_crash_counts_once(self, config: Any, destination: Destination) -> None:
        target = self.target()
        destination.prepare(target)
        broken = destination.writer(target, Slice("s0001"))
        broken.write(Batch(PEOPLE.to_batches()[0]))
        broken.abandon()
        receipt, _ = self.write(destination, target, PEOPLE)
        destination.commit(target, [receipt], Checkpoint(target.run, 1, None))
        self.assert_holds(config, target, PEOPLE)

    def test_twin_attempts_of_a_slice_count_once(self, config: Any) -> None:
        """A hung worker wakes up while its slice is being re-done: either receipt may be committed."""
        if not self.twin_writers:
            pytest.skip("a writer holds the system's only lock")
        assert self.connector.destination is not None
        target = self.target()
        with self.connector.destination(config) as one, self.connector.destination(config) as two:
            one.prepare(target)
            first, second = one.writer(target, Slice("s0001")), two.writer(target, Slice("s0001"))
            for batch in PEOPLE.to_batches():
                first.write(Batch(batch))
                second.write(Batch(batch))
            second.close()
            receipt = first.close()
            one.commit(target, [receipt], Checkpoint(target.run, 1, None))
        self.assert_holds(config, target, PEOPLE)

    # ── commit and resume ────────────────────────────────────────────────────────────────────────

    def test_the_checkpoint_is_remembered_with_the_data(self, config: Any, destination: Destination) -> None:
        self.remembers(destination)
        target = self.target()
        assert destination.committed(target) is None
        checkpoint = self.run(destination, target, PEOPLE, state={"cursor": "x", "n": [1, 2]})
        assert self.connector.destination is not None
        with self.connector.destination(config) as fresh:
            assert fresh.committed(target) == checkpoint
            assert fresh.committed(replace(target, run="run_02")) == checkpoint
            assert fresh.committed(replace(target, lineage="flw_1:1")) is None
            assert fresh.committed(replace(target, stream="public.others")) is None

    def test_committing_twice_publishes_once(self, config: Any, destination: Destination) -> None:
        self.remembers(destination)
        target = self.target()
        destination.prepare(target)
        receipt, _ = self.write(destination, target, PEOPLE)
        checkpoint = Checkpoint(target.run, 1, {"n": 1})
        destination.commit(target, [receipt], checkpoint)
        destination.commit(target, [receipt], checkpoint)
        self.assert_holds(config, target, PEOPLE)
        assert destination.committed(target) == checkpoint

    def test_micro_batches_follow_each_other(self, config: Any, destination: Destination) -> None:
        self.needs(WriteMode.APPEND)
        self.remembers(destination)
        target = self.target(mode=WriteMode.APPEND)
        destination.prepare(target)
        for number in (1, 2, 3):
            receipt, _ = self.write(destination, target, PEOPLE.slice(number - 1, 1), f"m{number:06}")
            destination.commit(target, [receipt], Checkpoint(target.run, number, {"n": number}))
            self.assert_holds(config, target, PEOPLE.slice(0, number))
        destination.commit(target, [], Checkpoint(target.run, 2, {"n": 2}))
        assert destination.committed(target) == Checkpoint(target.run, 3, {"n": 3})

    def test_a_micro_batch_is_redone_with_other_records_after_a_crash(
        self, config: Any, destination: Destination
    ) -> None:
        """The source may cut its batches differently the second time: what was staged and never committed
        must not come back.
        """
        self.needs(WriteMode.APPEND)
        target = self.target(mode=WriteMode.APPEND)
        destination.prepare(target)
        self.write(destination, target, PEOPLE.slice(0, 1), "m000001")
        destination.discard(target)
        destination.prepare(target)
        receipt, _ = self.write(destination, target, PEOPLE, "m000001")
        destination.commit(target, [receipt], Checkpoint(target.run, 1, None))
        self.assert_holds(config, target, PEOPLE)

    # ── modes ────────────────────────────────────────────────────────────────────────────────────

    def test_append_adds(self, config: Any, destination: Destination) -> None:
        self.needs(WriteMode.APPEND)
        for run in ("run_01", "run_02"):
            self.run(destination, self.target(mode=WriteMode.APPEND, run=run), PEOPLE)
        self.assert_holds(config, self.target(), PEOPLE, PEOPLE)

    def test_overwrite_replaces(self, config: Any, destination: Destination) -> None:
        self.needs(WriteMode.OVERWRITE)
        first = self.target(mode=WriteMode.OVERWRITE, primary_key=("id",))
        self.run(destination, first, PEOPLE)
        self.run(destination, replace(first, run="run_02"), PEOPLE.slice(1, 1))
        self.assert_holds(config, first, PEOPLE.slice(1, 1))

    def test_overwrite_with_nothing_empties(self, config: Any, destination: Destination) -> None:
        self.needs(WriteMode.OVERWRITE)
        first = self.target(mode=WriteMode.OVERWRITE)
        self.run(destination, first, PEOPLE)
        self.run(destination, replace(first, run="run_02"))
        self.assert_holds(config, first)

    def test_overwrite_takes_the_new_shape(self, config: Any, destination: Destination) -> None:
        self.needs(WriteMode.OVERWRITE)
        self.run(destination, self.target(mode=WriteMode.OVERWRITE), PEOPLE)
        other = pa.table({"id": pa.array(["a"]), "x": pa.array([1.5])})
        target = self.target(other, mode=WriteMode.OVERWRITE, run="run_02")
        self.run(destination, target, other)
        self.assert_holds(config, target, other)

    def test_upsert_replaces_by_key(self, config: Any, destination: Destination) -> None:
        self.needs(WriteMode.UPSERT)
        first = self.target(mode=WriteMode.UPSERT, primary_key=("id",))
        self.run(destination, first, PEOPLE)
        change = pa.table({"id": [2, 4], "name": ["BOB", "dan"], "age": [None, 7]}, PEOPLE.schema)
        self.run(destination, replace(first, run="run_02"), change)
        kept = pa.concat_tables([PEOPLE.slice(0, 1), PEOPLE.slice(2, 1), change])
        self.assert_holds(config, first, kept)

    def test_in_an_upsert_the_last_record_of_a_key_wins(self, config: Any, destination: Destination) -> None:
        self.needs(WriteMode.UPSERT)
        target = self.target(mode=WriteMode.UPSERT, primary_key=("id",))
        versions = pa.table(
            {"id": [7, 7, 7], "name": ["old", "newer", "newest"], "age": [1, 2, 3]}, PEOPLE.schema
        )
        self.run(destination, target, versions.slice(0, 2), versions.slice(2, 1))
        self.assert_holds(config, target, versions.slice(2, 1))

    def test_upsert_by_a_key_of_two_columns(self, config: Any, destination: Destination) -> None:
        self.needs(WriteMode.UPSERT)
        table = pa.table({"a": [1, 1, 2], "b": ["x", "y", "x"], "v": [1, 2, 3]})
        target = self.target(table, mode=WriteMode.UPSERT, primary_key=("a", "b"))
        self.run(destination, target, table)
        change = pa.table({"a": [1], "b": ["y"], "v": [9]})
        self.run(destination, replace(target, run="run_02"), change)
        wanted = pa.table({"a": [1, 1, 2], "b": ["x", "y", "x"], "v": [1, 9, 3]})
        self.assert_holds(config, target, wanted)

    def test_a_record_without_its_key_is_rejected(self, config: Any, destination: Destination) -> None:
        """# Invariant 7"""
        self.needs(WriteMode.UPSERT)
        table = pa.table({"id": [1, None], "name": ["a", "b"], "age": [1, 2]}, PEOPLE.schema)
        target = self.target(mode=WriteMode.UPSERT, primary_key=("id",))
        destination.prepare(target)
        receipt, rejected = self.write(destination, target, table)
        destination.commit(target, [receipt], Checkpoint(target.run, 1, None))
        assert [(one.code, one.record["name"]) for one in rejected] == [("key.null", "b")]
        assert receipt.rows == 1
        self.assert_holds(config, target, table.slice(0, 1))

    def test_an_upsert_needs_a_key(self, config: Any, destination: Destination) -> None:
        self.needs(WriteMode.UPSERT)
        with pytest.raises(SchemaError) as caught:
            destination.prepare(self.target(mode=WriteMode.UPSERT))
        assert caught.value.code == "upsert.no_key"
        assert self.read_back(config, self.target()) is None

    def test_a_mode_that_is_not_declared_is_refused(self, destination: Destination) -> None:
        for mode in set(WriteMode) - self.connector.write_modes:
            with pytest.raises(ConfigError):
                destination.prepare(self.target(mode=mode, primary_key=("id",)))

    # ── schema evolution ─────────────────────────────────────────────────────────────────────────

    def test_a_new_column_is_added(self, config: Any, destination: Destination) -> None:
        """# Invariant 10"""
        self.needs(WriteMode.APPEND)
        self.run(destination, self.target(mode=WriteMode.APPEND), PEOPLE)
        wider = PEOPLE.append_column("extra", pa.array([1.5, None, 2.5]))
        target = self.target(wider, mode=WriteMode.APPEND, run="run_02")
        self.run(destination, target, wider)
        old = PEOPLE.append_column("extra", pa.nulls(3, pa.float64()))
        self.assert_holds(config, target, old, wider)

    def test_a_vanished_column_stays_and_reads_null(self, config: Any, destination: Destination) -> None:
        self.needs(WriteMode.APPEND)
        self.run(destination, self.target(mode=WriteMode.APPEND), PEOPLE)
        narrower = PEOPLE.drop_columns(["age"])
        target = self.target(narrower, mode=WriteMode.APPEND, run="run_02")
        self.run(destination, target, narrower)
        filled = narrower.append_column("age", pa.nulls(3, pa.int32()))
        self.assert_holds(config, target, PEOPLE, filled)

    def test_a_type_that_does_not_fit_is_refused(self, config: Any, destination: Destination) -> None:
        self.needs(WriteMode.APPEND)
        self.run(destination, self.target(mode=WriteMode.APPEND), PEOPLE)
        other = PEOPLE.set_column(0, "id", pa.array([b"x", b"y", b"z"], pa.binary()))
        with pytest.raises(SchemaError) as caught:
            destination.prepare(self.target(other, mode=WriteMode.APPEND, run="run_02"))
        assert caught.value.code == "schema.incompatible"
        assert "id" in str(caught.value)
        self.assert_holds(config, self.target(), PEOPLE)

    # ── hostile input ────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("name", HOSTILE_NAMES)
    def test_hostile_names(self, config: Any, destination: Destination, name: str) -> None:
        table = pa.table({"id": [1, 2], name: ["a", "b"]})
        mode = WriteMode.UPSERT if WriteMode.UPSERT in self.connector.write_modes else self.plain_mode
        target = self.target(table, name=name, stream=f"public.{name}", mode=mode, primary_key=("id",))
        self.run(destination, target, table, state={"name": name})
        self.run(destination, replace(target, run="run_02"), table.slice(1, 1))
        if mode is WriteMode.UPSERT:
            self.assert_holds(config, target, table)
        else:
            self.assert_holds(config, target, table, table.slice(1, 1))

    def test_hostile_values(self, config: Any, destination: Destination) -> None:
        table = hostile_rows()
        self.run(destination, self.target(table), table)
        self.assert_holds(config, self.target(table), table)

    @pytest.mark.parametrize("name", TYPES)
    def test_every_type_survives(self, config: Any, destination: Destination, name: str) -> None:
        """# Invariant 6"""
        if name in self.unsupported_types:
            pytest.skip(f"{self.connector.name} documents that it cannot hold {name}")
        table = every_type(name)
        self.run(destination, self.target(table), table)
        self.assert_holds(config, self.target(table), table)

    def test_sliced_arrow_arrays_are_read_at_their_offset(
        self, config: Any, destination: Destination
    ) -> None:
        table = every_type(*sorted(set(TYPES) - self.unsupported_types))
        piece = table.slice(1, 3)
        self.run(destination, self.target(table), piece)
        self.assert_holds(config, self.target(table), piece)

    def test_records_of_dicts_are_taken_too(self, config: Any, destination: Destination) -> None:
        target = self.target()
        destination.prepare(target)
        writer = destination.writer(target, Slice("s0001"))
        writer.write(Batch.of_records(PEOPLE.to_pylist(), PEOPLE.schema))
        destination.commit(target, [writer.close()], Checkpoint(target.run, 1, None))
        self.assert_holds(config, target, PEOPLE)
