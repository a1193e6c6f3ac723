"""The reference application: lists of records in a world.

Records may say themselves what becomes of them when they are written: ``refuse`` fails them, ``down`` finds
the connection refused, ``ignore`` finds them there already, ``slow`` takes so many seconds.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from towpath.core.application import Failure, Outcome, Page, Sending, Tools
from towpath.core.errors import AuthError, DataError, NotFoundError
from towpath.core.model import State
from towpath.sdk.testing.world import World


class MemoryReading(BaseModel):
    """What is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    match: tuple[str, str] | None = None
    """Only records whose field, the first, is as the template, the second, says."""
    flag: str | None = None
    """The field that `MemoryApplication.read_back` sets to true."""


class MemoryWriting(BaseModel):
    """Where it is written to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    held: bool = False
    """Keep what is sent until the end of the run, and publish it then as a whole."""
    lookups: tuple[Mapping[str, Any], ...] = ()


class MemoryApplication:
    """Keeps the records of each name in the order in which they were written."""

    def __init__(self, world: World) -> None:
        self._world = world

    def check(self) -> str:
        return "Memory"

    def pages(
        self, read: MemoryReading, size: int, tools: Tools, *, record: Any = None, after: State | None = None
    ) -> Iterator[Page]:
        start = int(after["start"]) if after else 0
        while True:
            tools.check_wanted()
            with tools.slot():
                self._world.strike(f"page:{read.name}:{start}")
                found = self._found(read, record, tools)
            if tools.debugging:
                tools.note("request", {"name": read.name, "start": start})
            end = start + size
            goes_on = {"start": end} if end < len(found) else None
            yield Page(records=found[start:end], after=goes_on, total_records=len(found))
            if goes_on is None:
                return
            start = end

    def read_back(
        self, read: MemoryReading, records: Sequence[Any], tools: Tools
    ) -> Sequence[Failure | None]:
        self._world.strike(f"back:{read.name}")
        ids = [record.get("id") for record in records]
        with self._world.change() as world:
            for known in world.records.get(read.name, []):
                if read.flag and known.get("id") in ids:
                    known[read.flag] = True
            world.read_back += [(read.name, id) for id in ids]
        return [None] * len(records)

    def look(self, lookup: Mapping[str, Any], record: Any, tools: Tools) -> Sequence[Any]:
        wanted = _wanted(str(lookup["value"]), record, tools)
        with tools.slot():
            known = self._world.look().records.get(str(lookup["in"]), [])
        return [one.get("id") for one in known if str(one.get(lookup["field"])) == wanted]

    def send(self, write: MemoryWriting, sendings: Sequence[Sending], tools: Tools) -> Sequence[Outcome]:
        outcomes = []
        if write.held:  # the same page again replaces itself
            (tools.folder() / "held").touch()
            with self._world.change() as world:
                world.held.pop((write.name, str(tools.now.words["page"])), None)
        for number, one in enumerate(sendings):
            tools.check_wanted()
            with tools.slot():
                self._world.strike(f"send:{write.name}:{self._id(one, number)}")
                outcomes.append(self._send(write, one, tools))
                self._world.strike(f"sent:{write.name}:{self._id(one, number)}")
        return outcomes

    def finish(self, write: MemoryWriting, tools: Tools) -> Mapping[str, Any]:
        self._world.strike(f"finish:{write.name}")
        if not write.held:
            return {}
        with self._world.change() as world:
            held = {key: rows for key, rows in world.held.items() if key[0] == write.name}
            world.records[write.name] = [row for key in sorted(held) for row in held[key]]
        return {"files": [{"name": write.name, "records": sum(map(len, held.values()))}]}

    def _send(self, write: MemoryWriting, one: Sending, tools: Tools) -> Outcome:
        data: Mapping[str, Any] = one.data if isinstance(one.data, dict) else {"value": one.data}
        if data.get("slow"):
            time.sleep(float(data["slow"]))
        if data.get("down"):
            return _failed(401, "memory.signed_out", "Nobody is signed in.", "connection")
        if data.get("auth"):
            raise AuthError("connection.auth_failed", "Nobody is signed in.", hint="Sign in.")
        if data.get("refuse"):
            return _failed(422, "memory.refused", f"{data.get('id')} is refused.", "application")
        if data.get("ignore"):
            return Outcome(ignored=True, id=str(data.get("id")))
        with self._world.change() as world:
            if write.held:
                world.held.setdefault((write.name, str(tools.now.words["page"])), []).append(dict(data))
            else:
                world.records.setdefault(write.name, []).append(dict(data))
        return Outcome(id=str(data.get("id")), json={"id": data.get("id"), "echo": dict(data)})

    def _found(self, read: MemoryReading, record: Any, tools: Tools) -> list[Any]:
        known = self._world.look().records.get(read.name)
        if known is None:
            raise NotFoundError("stream.not_found", f"There is no {read.name!r}.", hint="Make it first.")
        if any(one == "signed out" for one in known):
            raise AuthError("connection.auth_failed", "Nobody is signed in.", hint="Sign in.")
        if read.match is None:
            return known
        field, template = read.match
        wanted = _wanted(template, record, tools)
        return [one for one in known if str(one.get(field)) == wanted]

    @staticmethod
    def _id(one: Sending, number: int) -> Any:
        return one.data.get("id", number) if isinstance(one.data, dict) else number


def _wanted(template: str, record: Any, tools: Tools) -> str:
    wanted = tools.render(template, record)
    if wanted == "broken":
        raise DataError("memory.broken", "This lookup is broken.", hint="It is meant to be.")
    return wanted


def _failed(status: int, code: str, message: str, source: str) -> Outcome:
    return Outcome(status=status, errors=(Failure(code=code, message=message, source=source),))
