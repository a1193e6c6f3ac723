"""Arrow IPC files as streams: every ``*.arrow`` file of a folder is one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
from pydantic import BaseModel

from towpath.sdk import (
    Batch,
    Category,
    ConfigError,
    Connector,
    Plan,
    ReadMode,
    SchemaError,
    Selection,
    Slice,
    State,
    Stream,
)
from towpath.sdk.files.filters import expression
from towpath.sdk.sql import check_columns


class ArrowConfig(BaseModel):
    """Settings of the connector: the form that users fill in is made from this class."""

    path: Path
    """The folder that holds the files."""


class ArrowSource:
    """Reads the files of one folder, whole, each as one slice."""

    def __init__(self, config: ArrowConfig) -> None:
        self._folder = config.path

    def check(self) -> str:
        if not self._folder.is_dir():
            raise ConfigError(
                "path.not_found", f"There is no folder {self._folder}.", hint="Correct 'path'.", field="path"
            )
        return f"{len(self._files())} Arrow files"

    def discover(self) -> Sequence[Stream]:
        return [Stream(path.stem, ds.dataset(path, format="ipc").schema) for path in self._files()]

    def plan(self, selection: Selection, state: State | None) -> Plan:
        check_columns(selection)
        self._file(selection)
        return Plan((Slice("whole"),))

    def read(self, selection: Selection, slice: Slice, state: State | None) -> Iterator[Batch]:
        data = ds.dataset(self._file(selection), format="ipc")
        wanted = expression(selection.where, data.schema)
        for batch in data.to_batches(columns=selection.schema.names, filter=wanted):
            if batch.num_rows:
                yield Batch(pa.RecordBatch.from_arrays(batch.columns, schema=selection.schema))

    def ack(self, selection: Selection, state: State) -> None:
        """Files forget nothing: there is nothing to tell them."""

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.arrow"))

    def _file(self, selection: Selection) -> Path:
        path = self._folder / f"{selection.stream.name}.arrow"
        if path not in self._files():
            raise SchemaError(
                "stream.not_found", f"There is no file {path.name}.", hint="Discover the streams again."
            )
        return path


@contextmanager
def source(config: ArrowConfig) -> Iterator[ArrowSource]:
    """Open the source; a connector that holds a session closes it after the yield."""
    yield ArrowSource(config)


connector = Connector(
    name="arrow",
    title="Arrow files",
    version="0.1.0",
    categories=(Category.FILES,),
    config=ArrowConfig,
    source=source,
    read_modes=frozenset({ReadMode.FULL_REFRESH}),
)
