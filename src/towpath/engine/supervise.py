"""Watching over one child while it makes one attempt."""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from towpath.core.errors import InternalError, TowpathError
from towpath.core.records import Attempt, Counters, Level
from towpath.core.repositories import UnitOfWork
from towpath.engine.books import StoppedError
from towpath.engine.channel import Message
from towpath.engine.children import Child
from towpath.engine.talk import superseded
from towpath.engine.work import Work

_LOOK_EVERY = 0.3
_END_TIMEOUT = 5.0
_KILLED = -9


class CancelledError(Exception):
    """The run was cancelled; the child is dead."""


@dataclass(frozen=True)
class Result:
    """What a child brought back. It is dead, or kept open and in the hands of `Work.done`."""

    value: Mapping[str, Any]
    child: Child


class Supervision:
    """One attempt in the hands of one thread."""

    def __init__(self, work: Work, attempt: Attempt) -> None:
        self._work = work
        self._attempt = attempt
        self._context = work.context

    def run(self) -> Result:
        """Start a child, serve it to its end, and return its result.

        Raises the `TowpathError` that it ended with, `CancelledError`, or `StoppedError`. No child is left
        unless it keeps something open.
        """
        connections = self._work.connections(self._context.books.read(self._work.look))
        # The brief first: it may say that the connections need not be opened.
        brief = self._work.brief()
        ends = self._ends(connections)
        brief |= ends
        connectors = sorted({ends[role]["connector"] for role in connections})
        child = self._context.nursery.spawn(connectors, modules=self._work.modules, spare=self._work.spare)
        try:
            result = self._serve(child, brief)
        except EOFError:
            child.wait(_END_TIMEOUT)
            child.channel.close()
            raise died(child.exit_code) from None
        except BaseException:
            child.kill()
            _end(child)
            raise
        finally:
            self._work.released()
            if self._work.stream is not None:
                self._context.board.drop(self._work.org, self._work.run, self._work.stream, self._work.task)
        if not result.value.get("held"):
            _end(child)
        return result

    def _ends(self, connections: Mapping[str, str]) -> dict[str, Any]:
        """Opening connections may mean to renew their tokens. A cancel does not wait for that, which goes on:
        what the provider answers must be stored, whoever is still interested.
        """
        opened: Future[dict[str, Any]] = Future()

        def open_all() -> None:
            try:
                opened.set_result(self._context.ends(self._work.org, connections))
            except BaseException as error:  # noqa: BLE001 - it is raised again by the future
                opened.set_exception(error)

        threading.Thread(target=open_all, name="ends", daemon=True).start()
        while not wait([opened], _LOOK_EVERY).done:
            self._look_for_cancel()
        return opened.result()

    def _serve(self, child: Child, brief: Mapping[str, Any]) -> Result:
        with suppress(OSError):  # it is dead already: receiving tells
            child.channel.send(brief)
        looked = time.monotonic()
        while True:
            message = child.channel.receive(_LOOK_EVERY)
            if message is not None and (result := self._hear(child, message)) is not None:
                return Result(result, child)
            if time.monotonic() - looked >= _LOOK_EVERY:
                looked = time.monotonic()
                self._look()

    def _look(self) -> None:
        """Level-triggered: what is asked for is obeyed however late it is seen."""
        if self._context.stopping.is_set():
            raise StoppedError
        self._look_for_cancel()

    def _look_for_cancel(self) -> None:
        if self._work.killable and self._context.books.read(self._is_cancelled):
            raise CancelledError

    def _hear(self, child: Child, message: Message) -> Mapping[str, Any] | None:
        match message["kind"]:
            case "progress":
                self._progress(Counters(**message["counters"]))
            case "log":
                self._work.note(
                    message["message"],
                    message["event"],
                    level=Level(message["level"]),
                    **message["fields"],
                )
            case "result":
                value: Mapping[str, Any] = message["value"]
                return value
            case "error":
                raise TowpathError.from_json(message["error"])
            case _:
                self._answer(child, message)
        return None

    def _answer(self, child: Child, message: Message) -> None:
        error: TowpathError | None = None
        value = None
        try:
            # A worker that hung may find old messages when it wakes up: by then others have gone further.
            if message["kind"] in ("committing", "saved", "page") and not self.is_ours():
                raise superseded()
            value = self._work.hear(message)
        except TowpathError as raised:
            error = raised
        answer = {"kind": "answer", "error": None if error is None else error.to_json(), "value": value}
        with suppress(OSError):  # it died meanwhile: receiving tells
            child.channel.send(answer)

    def is_ours(self) -> bool:
        """Nobody has taken the work over: this worker was not taken for dead meanwhile."""
        attempts = self._context.books.read(
            lambda work: work.attempts.list(self._work.org, self._work.run, self._work.task)
        )
        return any(one.id == self._attempt.id and one.ended_at is None for one in attempts)

    def _progress(self, counters: Counters) -> None:
        work = self._work
        if work.stream is not None:
            self._context.board.tell(work.org, work.run, work.stream, work.task, counters)

    def _is_cancelled(self, work: UnitOfWork) -> bool:
        run = work.runs.get(self._work.org, self._work.run)
        return run.cancel_requested or run.status.final


def _end(child: Child) -> None:
    if not child.wait(_END_TIMEOUT):
        child.kill()
        child.wait(_END_TIMEOUT)
    child.channel.close()


def died(exit_code: int | None) -> InternalError:
    """The error of an attempt whose process ended without a word."""
    how = "ended" if exit_code is None else f"ended with exit code {exit_code}"
    if exit_code is not None and exit_code < 0:
        how = f"was ended by signal {-exit_code}"
    hint = "It is tried again. If it happens again and again, the worker's own log may say why."
    if exit_code == _KILLED:
        hint = (
            "If nobody killed it, the system did for lack of memory: give the machine more, or let fewer "
            "slices run at once."
        )
    return InternalError("task.died", f"The process that did the work {how}.", hint=hint, retryable=True)
