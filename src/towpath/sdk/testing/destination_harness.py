"""What the destination suite stands on: its hooks, and the steps of a run written out."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from pydantic import BaseModel

from towpath.core.model import Batch, Checkpoint, Receipt, Rejected, Slice, Target, WriteMode
from towpath.core.ports import Connector, Destination

PEOPLE = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "name": pa.array(["ann", "bob", None]),
        "age": pa.array([30, None, 50], pa.int32()),
    }
)


class DestinationHarness:
    """Hooks and helpers of `DestinationContract`: subclass that, and override what is named a hook here."""

    connector: ClassVar[Connector[Any]]

    #: Two attempts of one slice can be in the middle of writing at the same time (False where a writer
    #: holds the only lock of the system, as in SQLite).
    twin_writers: ClassVar[bool] = True
    #: Names of the `TYPES` that the destination cannot take at all; each is a documented limit.
    unsupported_types: ClassVar[frozenset[str]] = frozenset()
    #: It makes partitions; a destination that does not must refuse them.
    knows_partitions: ClassVar[bool] = False

    # ── hooks ────────────────────────────────────────────────────────────────────────────────────

    @pytest.fixture
    def config(self) -> BaseModel:
        """The config of a fresh, empty place."""
        raise NotImplementedError

    def read_back(self, config: Any, target: Target) -> list[dict[str, Any]] | None:
        """The rows that an ordinary reader of the target sees, in any order, read by another way than the
        destination itself; None if the target does not exist.
        """
        raise NotImplementedError

    def leftovers(self, config: Any) -> list[str]:
        """Names of all staging that is still there."""
        return []

    def expected(self, kind: pa.DataType, value: Any) -> Any:
        """What `read_back` gives for a written value: override for documented casts only."""
        return value

    # ── helpers ──────────────────────────────────────────────────────────────────────────────────

    @pytest.fixture
    def destination(self, config: Any) -> Iterator[Destination]:
        assert self.connector.destination is not None
        with self.connector.destination(config) as destination:
            yield destination

    def needs(self, *modes: WriteMode) -> None:
        """Skip the test unless the connector declares the modes."""
        for mode in modes:
            if mode not in self.connector.write_modes:
                pytest.skip(f"{self.connector.name} does not declare {mode}")

    @property
    def plain_mode(self) -> WriteMode:
        modes = self.connector.write_modes
        return WriteMode.APPEND if WriteMode.APPEND in modes else WriteMode.OVERWRITE

    def target(self, table: pa.Table = PEOPLE, **changes: Any) -> Target:
        plain = Target(
            name="people",
            schema=table.schema,
            mode=self.plain_mode,
            run="run_01",
            stream="public.people",
            lineage="flw_1:0",
        )
        return replace(plain, **changes)

    def write(
        self, destination: Destination, target: Target, table: pa.Table, slice: str = "s0001"
    ) -> tuple[Receipt, list[Rejected]]:
        """Stage the table as one slice."""
        writer = destination.writer(target, Slice(slice))
        rejected: list[Rejected] = []
        for batch in table.to_batches(max_chunksize=2):
            rejected += writer.write(Batch(batch))
        return writer.close(), rejected

    def run(
        self,
        destination: Destination,
        target: Target,
        *tables: pa.Table,
        state: dict[str, Any] | None = None,
    ) -> Checkpoint:
        """A whole run: every table is one slice."""
        destination.prepare(target)
        receipts = [
            self.write(destination, target, table, f"s{number:04}")[0] for number, table in enumerate(tables)
        ]
        checkpoint = Checkpoint(target.run, 1, state)
        destination.commit(target, receipts, checkpoint)
        destination.discard(target)
        return checkpoint

    def rows(self, table: pa.Table) -> list[dict[str, Any]]:
        return [
            {
                field.name: None if row[field.name] is None else self.expected(field.type, row[field.name])
                for field in table.schema
            }
            for row in table.to_pylist()
        ]

    def assert_holds(self, config: Any, target: Target, *tables: pa.Table) -> None:
        """The target holds exactly the rows of the tables."""
        found = self.read_back(config, target)
        assert found is not None, "the target does not exist"
        wanted = [row for table in tables for row in self.rows(table)]
        assert sorted(map(repr, found)) == sorted(map(repr, wanted))

    def remembers(self, destination: Destination) -> None:
        """Skip the test if the destination cannot remember checkpoints."""
        probe = self.target(name="probe", stream="public.probe")
        self.run(destination, probe, PEOPLE, state={"probe": 1})
        if destination.committed(probe) is None:
            pytest.skip(f"{self.connector.name} remembers no checkpoints")
