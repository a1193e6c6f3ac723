"""Connections that have a destination and no application: records written as one stream.

What is sent is kept in files of the run, one for each page, and written when the run ends: one slice for each
page, one commit. Before that nobody knows all columns, and nothing may be seen. # Invariant 2
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from towpath.core.application import Failure, Outcome, Page, Sending, Tools
from towpath.core.errors import ConfigError, TowpathError
from towpath.core.flows import StreamWrite
from towpath.core.model import Batch, Checkpoint, Receipt, Rejected, Slice, State, Target, WriteMode
from towpath.core.ports import Connector, Destination, Source
from towpath.engine.inbox import restore

_SUFFIX = ".jsonl"
_WIDEST_INT = 2**63


class StreamWriting(BaseModel):
    """Where `StreamRecords` writes."""

    model_config = ConfigDict(frozen=True)

    write: StreamWrite
    namespace: str | None = None


class StreamRecords:
    """An `Application` over a `Destination`. ``known`` opens the same system as a source, where it is one:
    then the columns that are there already keep their types.
    """

    def __init__(
        self,
        connector: Connector[Any],
        destination: Destination,
        known: Callable[[], AbstractContextManager[Source]] | None = None,
    ) -> None:
        self._connector = connector
        self._destination = destination
        self._known = known

    def check(self) -> str:
        return self._destination.check()

    def pages(
        self, read: BaseModel, size: int, tools: Tools, *, record: Any = None, after: State | None = None
    ) -> Iterator[Page]:
        raise NotImplementedError("a destination is not read")

    def read_back(self, read: BaseModel, records: Sequence[Any], tools: Tools) -> Sequence[Failure | None]:
        return [None] * len(records)

    def look(self, lookup: Mapping[str, Any], record: Any, tools: Tools) -> Sequence[Any]:
        raise ConfigError(
            "lookup.unsupported",
            f"{self._connector.title} cannot look anything up for the lookup {lookup.get('name')!r}.",
            hint="Give the lookup a map, or look the value up in a step before.",
        )

    def send(self, write: BaseModel, sendings: Sequence[Sending], tools: Tools) -> Sequence[Outcome]:
        outcomes = [Outcome() if isinstance(one.data, dict) else _not_an_object() for one in sendings]
        rows = [one.data for one, how in zip(sendings, outcomes, strict=True) if not how.failed]
        if rows:
            _keep(tools.folder(), str(tools.now.words.get("page", "")), rows)
        return outcomes

    def finish(self, write: BaseModel, tools: Tools) -> Mapping[str, Any]:
        """``rows`` written, and ``rejected``: the records that did not fit, each with its reason."""
        files = sorted(tools.folder().glob(f"*{_SUFFIX}"))
        if not files:
            return {}
        writing = StreamWriting.model_validate(write.model_dump())
        target = self._target(writing, _columns(files), tools)
        self._destination.prepare(target)
        receipts: list[Receipt] = []
        rejected: list[Rejected] = []
        for number, file in enumerate(files):
            tools.check_wanted()
            batch, misfits = restore(_fitted(_rows(file), target.schema), target.schema)
            rejected += misfits
            if batch.num_rows:
                receipt, refused = self._stage(target, Slice(f"p{number:08}"), Batch(batch))
                receipts.append(receipt)
                rejected += refused
        with tools.slot():
            self._destination.commit(target, receipts, Checkpoint(target.run, 1, None))
            self._destination.discard(target)
        told = [{"record": one.record, "code": one.code, "message": one.message} for one in rejected]
        return {"rows": sum(receipt.rows for receipt in receipts), "rejected": told}

    def _stage(self, target: Target, piece: Slice, batch: Batch) -> tuple[Receipt, Sequence[Rejected]]:
        writer = self._destination.writer(target, piece)
        try:
            rejected = writer.write(batch)
            return writer.close(), rejected
        except BaseException:
            writer.abandon()
            raise

    def _target(self, writing: StreamWriting, columns: Mapping[str, pa.DataType], tools: Tools) -> Target:
        write, words = writing.write, tools.now.words
        name = write.target or write.name
        known = self._there(name, writing.namespace)
        schema = pa.schema([pa.field(column, known.get(column, kind)) for column, kind in columns.items()])
        key = write.primary_key or ()
        mode = write.mode or (WriteMode.UPSERT if key else WriteMode.APPEND)
        job = words.get("job") or {}
        if job.get("parent") and mode is WriteMode.OVERWRITE:  # a retry adds to what its parent wrote
            mode = WriteMode.UPSERT if key else WriteMode.APPEND
        flow = (words.get("flow") or {}).get("id", "once")
        return Target(
            name=name,
            schema=schema,
            mode=mode,
            run=job.get("id") or _digest(str(tools.folder())),
            stream=write.name,
            lineage=f"{flow}:{tools.now.step}{':retry' if job.get('parent') else ''}",
            namespace=writing.namespace,
            primary_key=key,
            partition_by=write.partition_by,
        )

    def _there(self, name: str, namespace: str | None) -> Mapping[str, pa.DataType]:
        """The types of the columns that the target has already, where that can be seen."""
        if self._known is None:
            return {}
        with suppress(TowpathError), self._known() as source:
            for stream in source.discover():
                if stream.name == name and namespace in (None, stream.namespace):
                    return {field.name: field.type for field in stream.schema}
        return {}


def _keep(folder: Path, page: str, rows: Sequence[Any]) -> None:
    """The same page again replaces itself."""
    draft = folder / f"{page}.draft"
    with draft.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE, default=str))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / f"{page}{_SUFFIX}")


def _rows(file: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


def _fitted(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> list[dict[str, Any]]:
    """The rows with everything in columns of JSON as its text."""
    documents = [field.name for field in schema if isinstance(field.type, pa.JsonType)]
    for row in rows:
        for name in documents:
            if row.get(name) is not None:
                row[name] = orjson.dumps(row[name]).decode()
    return list(rows)


def _columns(files: Sequence[Path]) -> dict[str, pa.DataType]:
    """The columns of all records in their order, each with a type that holds all of its values."""
    kinds: dict[str, pa.DataType] = {}
    for file in files:
        for row in _rows(file):
            for name, value in row.items():
                kinds[name] = _wider(kinds.get(name, pa.null()), _kind(value))
    return {name: pa.string() if pa.types.is_null(kind) else kind for name, kind in kinds.items()}


def _kind(value: Any) -> pa.DataType:
    match value:
        case None:
            return pa.null()
        case bool():
            return pa.bool_()
        case int():
            return pa.int64() if abs(value) < _WIDEST_INT else pa.string()
        case float():
            return pa.float64()
        case str():
            return pa.string()
        case _:
            return pa.json_()


def _wider(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    if first == second or pa.types.is_null(second):
        return first
    if pa.types.is_null(first):
        return second
    if {first, second} == {pa.int64(), pa.float64()}:
        return pa.float64()
    return pa.json_()


def _not_an_object() -> Outcome:
    message = "Only an object can be written as a row."
    return Outcome(status=422, errors=(Failure(code="record.not_an_object", message=message),))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:26]
