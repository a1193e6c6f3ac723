"""What streams a place has: our own targets by their manifests, other people's folders and files."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from towpath.core.model import Stream
from towpath.sdk.files import names
from towpath.sdk.files.format import Format
from towpath.sdk.files.manifest import DataFile, Manifest
from towpath.sdk.files.place import Place
from towpath.sdk.files.table import FileTable

_SAFE_DIGITS = 18  # of any int64, sign included


@dataclass(frozen=True)
class Listing:
    """One stream: which files it has at this moment."""

    name: str
    namespace: str | None
    table: FileTable
    files: tuple[DataFile, ...]
    ours: Manifest | None = None

    @property
    def key(self) -> str:
        return f"{self.namespace}.{self.name}" if self.namespace else self.name


def listings(place: Place, format: Format) -> Iterator[Listing]:
    """All streams of the format."""
    folders, files = place.entries()
    for folder in folders:
        if not _is_hidden(folder):
            found = _of_folder(place, format, folder)
            if found is not None:
                yield found
    for file in files:
        stem = _stem(file, format)
        if stem and not _is_hidden(file):
            name = file if stem in folders else stem
            yield Listing(name, None, FileTable(place, ""), (DataFile(file, 0, 0),))


def find(place: Place, format: Format, stream: Stream) -> Listing | None:
    """The stream as it is now; None if it has vanished."""
    ours = _of_folder(place, format, names.encode(stream.key))
    if ours is not None and ours.ours is not None and ours.key == stream.key:
        return ours
    return next((one for one in listings(place, format) if one.key == stream.key), None)


def schema_and_rows(listing: Listing, format: Format) -> tuple[pa.Schema, int | None]:
    """The stream's schema and, if that is cheap to know, its number of records."""
    if listing.ours is not None:
        return listing.ours.schema, listing.ours.rows
    table = listing.table
    schema, rows = format.inspect(listing.key, [(file, table.opener(file)) for file in listing.files])
    fields = [one for one in schema if one.name not in _partition_names(listing)]
    return pa.schema([*fields, *_partition_fields(listing)], metadata=schema.metadata), rows


def _of_folder(place: Place, format: Format, folder: str) -> Listing | None:
    table = FileTable(place, folder)
    ours = table.latest()
    if ours is not None:
        same = ours.format == format.name
        return Listing(ours.name, ours.namespace, table, ours.files, ours) if same else None
    cut = len(folder) + 1
    paths = [found.path[cut:] for found in place.files(folder)]
    files = [_foreign(path) for path in paths if _stem(path, format) and not _hidden_path(path)]
    return Listing(folder, None, table, tuple(files)) if files else None


def _foreign(path: str) -> DataFile:
    parts = [part.partition("=") for part in path.split("/")[:-1]]
    values = {names.decode(one): names.decode(two) for one, sign, two in parts if sign}
    return DataFile(
        path, 0, 0, "", {key: None if value == names.NULL else value for key, value in values.items()}
    )


def _partition_names(listing: Listing) -> list[str]:
    return list(dict.fromkeys(name for file in listing.files for name in file.partition))


def _partition_fields(listing: Listing) -> list[pa.Field]:
    """Columns of the ``column=value`` folders of others: whole numbers if all are, else text."""
    return [
        pa.field(name, _type_of({file.partition.get(name) for file in listing.files}))
        for name in _partition_names(listing)
    ]


def _type_of(values: set[str | None]) -> pa.DataType:
    told = [value for value in values if value is not None]
    exact = all(value.lstrip("-").isdecimal() and str(int(value)) == value for value in told)
    return pa.int64() if told and exact and all(len(value) <= _SAFE_DIGITS for value in told) else pa.string()


def _stem(path: str, format: Format) -> str:
    """The name without its ending; empty if it is not of the format."""
    return next((path.removesuffix(end) for end in format.suffixes if path.endswith(end)), "")


def _is_hidden(name: str) -> bool:
    return name.startswith(("_", "."))


def _hidden_path(path: str) -> bool:
    return any(_is_hidden(part) and "=" not in part for part in path.split("/"))
