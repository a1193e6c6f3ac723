"""Everything about one run in one file, to be sent to whoever shall help."""

import errno
import gzip
import hashlib
import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from towpath.core.errors import ResourceError
from towpath.core.records import Counters, LogLine, Run, RunStream
from towpath.services.context import Rooms

#: Log lines that are in memory at once.
_LINES = 2000
#: A fast one: logs become a tenth of their size with any.
_COMPRESSION = 6


@dataclass(frozen=True)
class Archive:
    """A file that its user removes."""

    path: Path
    digest: str
    """Of its bytes. A run that has ended gives the same bytes again and again."""


def archive(rooms: Rooms, org: str, run: str) -> Archive:
    """Pack ``logs/<run>.log`` (a JSON object a line, of all levels), ``state.json`` and ``run.json`` into a
    ``tar.gz`` in the folder for temporary files. Raises `NotFoundError`, `ResourceError`.
    """
    with tempfile.NamedTemporaryFile(prefix="towpath-", suffix=".tar.gz", delete=False) as file:
        path = Path(file.name)
        try:
            with _space():
                _pack(rooms, org, run, file)
                file.flush()
                file.seek(0)
                return Archive(path, hashlib.file_digest(file, "sha256").hexdigest())
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _pack(rooms: Rooms, org: str, run: str, file: IO[bytes]) -> None:
    with rooms.store.read() as work:
        row, streams = work.runs.get(org, run), work.streams.list(org, run)
    with (
        # Without a name and a time of its own the same content is the same file.
        gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
        tempfile.TemporaryFile(prefix="towpath-") as log,
    ):
        _add(tar, row, "run.json", BytesIO(_json(_run(row, streams), 2)))
        _add(tar, row, "state.json", BytesIO(_json(_state(streams), 2)))
        for line in _lines(rooms, row):
            log.write(_json(_line(line)))
        log.seek(0)
        _add(tar, row, f"logs/{row.id}.log", log)


def _add(tar: tarfile.TarFile, run: Run, name: str, content: IO[bytes]) -> None:
    info = tarfile.TarInfo(name)
    info.size = content.seek(0, 2)
    info.mtime = int((run.ended_at or run.created_at).timestamp())
    content.seek(0)
    tar.addfile(info, content)


def _lines(rooms: Rooms, run: Run) -> Iterator[LogLine]:
    after = 0
    while True:
        with rooms.store.read() as work:
            lines = work.log.read(run.org, run.id, after=after, limit=_LINES)
        yield from lines
        if len(lines) < _LINES:
            return
        after = lines[-1].seq


def _line(line: LogLine) -> Mapping[str, Any]:
    told = {"time": line.at, "level": line.level, "message": line.message, "event": line.event}
    places = {"stream": line.stream, "slice": line.slice}
    return told | {name: text for name, text in places.items() if text} | {"fields": dict(line.fields)}


def _run(run: Run, streams: Sequence[RunStream]) -> Mapping[str, Any]:
    return {
        "id": run.id,
        "status": run.status,
        "cause": run.cause,
        "full": run.full,
        "clear": run.clear,
        "only": run.streams,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "error": run.error,
        "streams": [
            {
                "stream": stream.stream,
                "status": stream.status,
                "rows_expected": stream.rows_expected,
                "counters": stream.counters,
                "error": stream.error,
                "started_at": stream.started_at,
                "ended_at": stream.ended_at,
            }
            for stream in streams
        ],
    }


def _state(streams: Sequence[RunStream]) -> Mapping[str, Any]:
    """From where the streams went on, and from where the next run will. # Invariant 8"""
    states = [
        {"stream": stream.stream, "before": stream.state_before, "after": stream.state_after}
        for stream in streams
    ]
    return {"streams": states}


def _json(value: Any, indent: int | None = None) -> bytes:
    # The standard library's: fields of the log may hold whole numbers of any size.
    return (json.dumps(value, default=_plain, indent=indent) + "\n").encode()


def _plain(value: datetime | Counters) -> Any:
    return value.isoformat() if isinstance(value, datetime) else asdict(value)


@contextmanager
def _space() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ResourceError(
            "disk.full",
            "No space is left for the archive in the folder for temporary files.",
            hint="Free disk space on the server, or read the log page by page.",
        ) from error
