"""A destination that writes files: stage slices, publish manifests."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

import pyarrow as pa

from towpath.core.errors import ConfigError
from towpath.core.model import Checkpoint, Receipt, Slice, Target, WriteMode
from towpath.sdk.files import partition
from towpath.sdk.files.config import FilesConfig
from towpath.sdk.files.evolve import merge
from towpath.sdk.files.format import Format
from towpath.sdk.files.manifest import DataFile, Manifest
from towpath.sdk.files.place import Place
from towpath.sdk.files.table import HIDDEN, FileTable
from towpath.sdk.files.writer import FilesWriter
from towpath.sdk.targets import check_key

_PROBE = f"{HIDDEN}/check.part"


class FilesDestination:
    """A `Destination` for one format. Subclasses that offer upserts override `merge`."""

    modes = frozenset({WriteMode.APPEND, WriteMode.OVERWRITE})

    def __init__(self, config: FilesConfig, format: Format) -> None:
        self.place = Place(config)
        self.format = format

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is held open between calls."""

    def check(self) -> str:
        with self.place.create(_PROBE) as probe:
            probe.write(b"towpath")
        self.place.remove(_PROBE)
        return f"{self.format.name} files in {self.place.title}"

    def prepare(self, target: Target) -> None:
        self._check_mode(target)
        stored = self._stored(target, log=True)
        partition.check(stored, target.partition_by)
        table = FileTable.of(self.place, target)
        table.make_staging(target)
        with table.locked():
            current = table.settle()
            if current is None:
                table.check_ours()
            else:
                self._check_current(current, target)
            table.sweep_staging(target, others=True)
            table.sweep_old()
        self._schema(current, target, stored)

    def writer(self, target: Target, slice: Slice) -> FilesWriter:
        table = FileTable.of(self.place, target)
        schema = self._schema(table.latest(), target, self._stored(target))
        return FilesWriter(table, self.format, target, slice, schema)

    def commit(self, target: Target, receipts: Sequence[Receipt], checkpoint: Checkpoint) -> None:
        table = FileTable.of(self.place, target)
        with table.locked():
            current = table.settle()
            if current is not None and _is_done(current.checkpoint(target), checkpoint):
                return
            staged = _files(receipts)
            table.check_staged(staged)
            table.publish(self._next(table, current, target, staged, checkpoint))

    def committed(self, target: Target) -> Checkpoint | None:
        current = FileTable.of(self.place, target).latest()
        return current.checkpoint(target) if current else None

    def discard(self, target: Target) -> None:
        table = FileTable.of(self.place, target)
        with table.locked():
            table.settle()
            table.sweep_staging(target, others=False)

    def merge(
        self,
        table: FileTable,
        current: Manifest,
        target: Target,
        staged: Sequence[DataFile],
        schema: pa.Schema,
    ) -> tuple[list[DataFile], list[str]]:
        """What an upsert adds (staged or rewritten files) and the paths of the live files it retires."""
        raise NotImplementedError

    def _next(
        self,
        table: FileTable,
        current: Manifest | None,
        target: Target,
        staged: list[DataFile],
        checkpoint: Checkpoint,
    ) -> Manifest:
        """The version that follows ``current``."""
        schema = self._schema(current, target, self._stored(target))
        base = current or Manifest(0, self.format.name, target.name, target.namespace, schema)
        added, retired = staged, [file.path for file in base.files]
        if target.mode is WriteMode.APPEND:
            retired = []
        if target.mode is WriteMode.UPSERT:
            added, retired = self.merge(table, base, target, staged, schema)
        gone = set(retired)
        return replace(
            base,
            number=base.number + 1,
            schema=schema,
            primary_key=target.primary_key or base.primary_key,
            partition_by=target.partition_by,
            files=tuple(file for file in base.files if file.path not in gone) + tuple(added),
            retired=tuple(retired),
            checkpoints={**base.checkpoints, (target.lineage, target.stream): checkpoint},
        )

    def _stored(self, target: Target, *, log: bool = False) -> pa.Schema:
        stored = self.format.stored(target.schema)
        for before, after in zip(target.schema, stored, strict=True):
            if log and before.type != after.type:
                logging.getLogger(f"towpath.connectors.{self.format.name}").warning(
                    "The column %r of %s is written as %s: %s cannot be kept.",
                    before.name,
                    target.stream,
                    after.type,
                    before.type,
                )
        return stored

    def _schema(self, current: Manifest | None, target: Target, stored: pa.Schema) -> pa.Schema:
        """The schema of the target after the commit. Raises `SchemaError`."""
        if current is None or target.mode is WriteMode.OVERWRITE:
            return stored
        return merge(current.schema, stored, repr(target.name))

    def _check_mode(self, target: Target) -> None:
        if target.mode not in self.modes:
            raise ConfigError(
                "write_mode.unsupported",
                f"{self.format.name} files cannot be written in the mode {target.mode!s}.",
                hint=f"Use one of: {', '.join(sorted(self.modes))}.",
                field="mode",
            )
        check_key(target)

    def _check_current(self, current: Manifest, target: Target) -> None:
        if current.format != self.format.name:
            raise ConfigError(
                "target.other_format",
                f"The target {target.name!r} holds {current.format} files.",
                hint="Choose another target name or path.",
                field="target",
            )
        if target.mode is not WriteMode.OVERWRITE and current.partition_by != target.partition_by:
            raise ConfigError(
                "partition.changed",
                f"The target {target.name!r} is partitioned by "
                f"{', '.join(current.partition_by) or 'nothing'}.",
                hint="Keep partition_by as it is, or overwrite the target.",
                field="partition_by",
            )


def _is_done(last: Checkpoint | None, wanted: Checkpoint) -> bool:
    return last is not None and last.run == wanted.run and last.number >= wanted.number


def _files(receipts: Sequence[Receipt]) -> list[DataFile]:
    """The staged files, in slice order."""
    return [
        DataFile.from_json(file)
        for receipt in sorted(receipts, key=lambda one: one.slice)
        for file in receipt.detail["files"]
    ]
