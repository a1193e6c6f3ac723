"""Clearing: emptying the target of a stream, and forgetting how far the stream was read."""

from collections.abc import Mapping
from typing import Any

from towpath.core.records import Counters
from towpath.core.repositories import UnitOfWork
from towpath.engine.channel import Message
from towpath.engine.children import Child
from towpath.engine.clearing import forget
from towpath.engine.work import Ending, committed, ending, is_over
from towpath.engine.work_commit import CommitWork


class ClearWork(CommitWork):
    """Clear one stream: a commit of nothing."""

    reads = False

    @property
    def task(self) -> str:
        return f"clear/{self._stream}/{self._epoch}"

    def brief(self) -> dict[str, Any]:
        stream = self.context.books.read(lambda work: work.streams.get(self.org, self.run, self._stream))
        name = stream.target["name"]
        self.note(f"Emptying {name!r}, the target of {self._stream}", "clear.started", target=name)
        return {"kind": "clear", "target": stream.target}

    def hear(self, message: Message) -> None:
        if message["kind"] == "saved":
            self.context.books.write(self._cleared)

    def done(self, result: Mapping[str, Any], child: Child) -> Ending:
        self.note(f"{self._stream} is cleared: the next run reads all of it again", "stream.cleared")
        return ending("done")

    def _cleared(self, work: UnitOfWork) -> None:
        if not is_over(work.streams.get(self.org, self.run, self._stream)):
            forget(work, self.look(work), self._stream)
            work.streams.update(self.org, self.run, self._stream, **committed(Counters()))
