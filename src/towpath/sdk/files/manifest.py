"""The manifest of a target: which files it consists of, and up to where each lineage has come."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import orjson
import pyarrow as pa

from towpath.core.errors import IntegrityError
from towpath.core.model import Checkpoint, Target, schema_from_json, schema_to_json
from towpath.sdk.files.place import Place

FOLDER = "_manifest"
_KEEP = 3  # a reader that has just listed the folder must still find what it chose
_VERSION = 1


@dataclass(frozen=True)
class DataFile:
    """One file of data. Its name is unique for all time; its content never changes."""

    path: str
    """Below the target's folder, partition folders included."""
    rows: int
    bytes: int
    staged: str = ""
    """Below the hidden folder, where it was written; empty once it has surely been moved to ``path``."""
    partition: Mapping[str, str | None] = field(default_factory=dict)
    """Text of each partition column's value; these columns are not in the file."""

    @property
    def ours(self) -> bool:
        """Whether we wrote it: of other people's files the number of records is not known (0)."""
        return self.rows > 0

    def to_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "rows": self.rows,
            "bytes": self.bytes,
            "staged": self.staged,
            "partition": dict(self.partition),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(data["path"], data["rows"], data["bytes"], data["staged"], data["partition"])


@dataclass(frozen=True)
class Manifest:
    """One version of a target."""

    number: int
    """Counts the versions from 1."""
    format: str
    """Name of the format, such as ``parquet``."""
    name: str
    namespace: str | None
    schema: pa.Schema
    """All columns with the types they are read in, partition columns included."""
    primary_key: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()
    files: tuple[DataFile, ...] = ()
    retired: tuple[str, ...] = ()
    """Paths of the files that the version before had and this one has not."""
    checkpoints: Mapping[tuple[str, str], Checkpoint] = field(default_factory=dict)
    """By (lineage, stream)."""

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def checkpoint(self, target: Target) -> Checkpoint | None:
        """The last one of the target's lineage and stream."""
        return self.checkpoints.get((target.lineage, target.stream))

    def settled(self) -> "Manifest":
        """The same, once all files are in their places."""
        return replace(self, files=tuple(replace(file, staged="") for file in self.files), retired=())

    def dump(self) -> bytes:
        columns = [{"name": one.name, "type": str(one.type)} for one in self.schema]
        data = {
            "version": _VERSION,
            "number": self.number,
            "format": self.format,
            "name": self.name,
            "namespace": self.namespace,
            "columns": columns,
            "schema": schema_to_json(self.schema),
            "primary_key": list(self.primary_key),
            "partition_by": list(self.partition_by),
            "rows": self.rows,
            "files": [file.to_json() for file in self.files],
            "retired": list(self.retired),
            "checkpoints": [
                {"lineage": lineage, "stream": stream} | one.to_json()
                for (lineage, stream), one in self.checkpoints.items()
            ],
        }
        return orjson.dumps(data, option=orjson.OPT_INDENT_2)

    @classmethod
    def load(cls, data: bytes, where: str) -> Self:
        """The manifest that `dump` wrote. Raises `IntegrityError`."""
        try:
            return cls._of(orjson.loads(data))
        except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise IntegrityError(
                "manifest.damaged",
                f"The manifest {where} cannot be read: {type(error).__name__}.",
                hint="Restore it from a backup, or delete it to go back to the manifest before.",
            ) from error

    @classmethod
    def _of(cls, data: Mapping[str, Any]) -> Self:
        if data["version"] != _VERSION:
            raise ValueError(data["version"])
        return cls(
            number=data["number"],
            format=data["format"],
            name=data["name"],
            namespace=data["namespace"],
            schema=schema_from_json(data["schema"]),
            primary_key=tuple(data["primary_key"]),
            partition_by=tuple(data["partition_by"]),
            files=tuple(map(DataFile.from_json, data["files"])),
            retired=tuple(data["retired"]),
            checkpoints={
                (one["lineage"], one["stream"]): Checkpoint.from_json(one) for one in data["checkpoints"]
            },
        )


def numbers(place: Place, folder: str) -> list[int]:
    """Numbers of the manifests that are there, ascending."""
    names = place.entries(f"{folder}/{FOLDER}")[1]
    stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return sorted(int(stem) for stem in stems if stem.isdigit())


def path(folder: str, number: int) -> str:
    return f"{folder}/{FOLDER}/{number:06}.json"


def latest(place: Place, folder: str) -> Manifest | None:
    """The newest manifest of the target in ``folder``; None if it has none."""
    for _ in range(_KEEP):
        there = numbers(place, folder)
        if not there:
            return None
        newest = path(folder, there[-1])
        try:
            return Manifest.load(place.read(newest), place.where(newest))
        except FileNotFoundError:  # overtaken by several commits since the listing
            continue
    return None


def publish(place: Place, folder: str, manifest: Manifest) -> None:
    """The commit itself: one new file. Raises `ConflictError` if the number is taken."""
    place.publish(path(folder, manifest.number), manifest.dump())


def forget(place: Place, folder: str) -> None:
    """Remove all manifests but the last few."""
    for number in numbers(place, folder)[:-_KEEP]:
        place.remove(path(folder, number))
