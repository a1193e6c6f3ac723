"""What a child process does: one attempt at one piece of work.

The task comes through the pipe, secrets included, and is nowhere else: not in arguments, environment or
files. The nursery imports this module, so it must import fast, open nothing and start no thread.
"""

import importlib
import logging
import os
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NoReturn

from towpath.core.errors import ConfigError, TowpathError
from towpath.core.model import Receipt, Selection, Slice, Target
from towpath.core.ports import Connector, Destination, Source
from towpath.core.records import Counters
from towpath.engine import move
from towpath.engine.ahead import ahead
from towpath.engine.channel import Channel
from towpath.engine.documents import wants_documents
from towpath.engine.inbox import InboxSource
from towpath.engine.plain import redacted, secrets_of
from towpath.engine.talk import ABANDONED, LogToWorker, Talk, crashed
from towpath.sdk.registry import Registry, parse_config

Task = Mapping[str, Any]

#: Exit code of a child that failed outside of its task: a defect of the engine.
CRASHED = 70


def main(end: socket.socket) -> NoReturn:
    """Run the task that comes through the pipe, tell its outcome, and end the process."""
    channel = Channel(end)
    try:
        task = channel.receive()
    except EOFError:
        task = None
    if task is None:
        os._exit(ABANDONED)
    talk = Talk(channel)
    logging.getLogger("towpath").addHandler(LogToWorker(talk))
    logging.getLogger("towpath").setLevel(logging.INFO)
    try:
        KINDS[task["kind"]](task, talk)
    except TowpathError as error:
        talk.error(error)
    except BaseException as error:  # noqa: BLE001 - whatever it was, the worker must hear of it
        trace = "".join(traceback.format_exception(error))
        sys.stderr.write(redacted(trace, talk.secrets))
        talk.error(crashed(error))
    sys.stderr.flush()
    os._exit(0)


def load(dotted: str) -> Callable[..., Any]:
    """The function that ``package.module:name.name`` names."""
    module, _, names = dotted.partition(":")
    found: Any = importlib.import_module(module)
    for name in names.split("."):
        found = getattr(found, name)
    loaded: Callable[..., Any] = found
    return loaded


class Ends:
    """The two connectors of a task with their configs; tasks that read nothing have no source."""

    def __init__(self, task: Task, talk: Talk) -> None:
        registry: Registry = load(task["registry"])()
        roles = [role for role in ("source", "destination") if role in task]
        self._connectors = {role: registry.get(task[role]["connector"]) for role in roles}
        self._configs = {
            role: parse_config(connector, task[role]["config"])
            for role, connector in self._connectors.items()
        }
        talk.secrets = secrets_of(self._configs)

    @property
    def source(self) -> Connector[Any]:
        return self._connectors["source"]

    @property
    def destination(self) -> Connector[Any]:
        return self._connectors["destination"]

    def open_source(self) -> AbstractContextManager[Source]:
        return _role(self.source, "source")(self._configs["source"])

    def open_destination(self) -> AbstractContextManager[Destination]:
        return _role(self.destination, "destination")(self._configs["destination"])


def _role(connector: Connector[Any], role: str) -> Callable[[Any], AbstractContextManager[Any]]:
    opener: Callable[[Any], AbstractContextManager[Any]] | None = getattr(connector, role)
    if opener is None:
        raise ConfigError(
            f"connector.no_{role}",
            f"{connector.title} cannot be a {role}.",
            hint=f"`towpath connectors list` shows which connectors can be a {role}.",
        )
    return opener


@contextmanager
def _moving(task: Task, talk: Talk) -> Iterator[move.Move]:
    ends = Ends(task, talk)
    target = Target.from_json(task["target"])
    with _reading(task, ends, target) as source, ends.open_destination() as destination:
        yield move.Move(
            source=source,
            destination=destination,
            selection=Selection.from_json(task["selection"]),
            target=target,
            report=talk,
            stop_on_rejected=task["stop_on_rejected"],
            # What a retry sends again is a document already.
            as_documents=wants_documents(target.schema) and not isinstance(source, InboxSource),
        )


def _reading(task: Task, ends: Ends, target: Target) -> AbstractContextManager[Source]:
    """The flow's source; for a retry, the records that it sends again."""
    if task.get("inbox") is None:
        return ends.open_source()
    return nullcontext(InboxSource(task["inbox"], target.schema))


def _slice(task: Task, talk: Talk) -> None:
    with _moving(task, talk) as moving:
        piece, misfits = Slice.from_json(task["slice"]), getattr(moving.source, "misfits", ())
        receipt, counters = move.copy_slice(moving, piece, task["state"], ahead, misfits)
    talk.result({"receipt": receipt.to_json(), "counters": move.counters_json(counters)})


def _ordered(task: Task, talk: Talk) -> None:
    talk.keyed_by_slice = False
    start = move.Position(task["number"], task["state"], Counters(**task["counters"]))
    with _moving(task, talk) as moving:
        piece = Slice.from_json(task["slice"])
        counters = move.follow(moving, piece, start, task["attempt"], move.Limits(**task["limits"]))
        moving.destination.discard(moving.target)
    talk.result({"counters": move.counters_json(counters)})


def _commit(task: Task, talk: Talk) -> None:
    receipts = [Receipt.from_json(item) for item in task["receipts"]]
    with _moving(task, talk) as moving:
        move.publish(moving, receipts, task["state"], Counters(**task["counters"]))
        moving.destination.discard(moving.target)
    talk.result({})


def _clear(task: Task, talk: Talk) -> None:
    from towpath.engine.clearing import check_clearable

    ends = Ends(task, talk)
    check_clearable(ends.destination)
    with ends.open_destination() as destination:
        move.empty(destination, Target.from_json(task["target"]), talk)
    talk.result({})


def _discard(task: Task, talk: Talk) -> None:
    known: dict[str, Any] = {}
    with Ends(task, talk).open_destination() as destination:
        for target in map(Target.from_json, task["targets"]):
            destination.discard(target)
            checkpoint = destination.committed(target)
            known[target.stream] = None if checkpoint is None else checkpoint.to_json()
    talk.result({"committed": known})


def _plan(task: Task, talk: Talk) -> None:
    from towpath.engine.planner import plan_run

    ends = Ends(task, talk)
    with ends.open_source() as source:
        with ends.open_destination() as destination:
            planned = plan_run(task, ends.source, ends.destination, source, destination)
        held = {item["stream"]: task["epoch"] for item in planned if item.get("pinned")}
        if held:
            talk.outlive.set()
        talk.result({"streams": planned, "held": held})
        if held:
            _keep_open(task, talk, held)


def _plan_retry(task: Task, talk: Talk) -> None:
    from towpath.engine.planner import plan_retry

    ends = Ends(task, talk)
    with ends.open_destination() as destination:
        planned = plan_retry(task, ends.destination, destination)
    talk.result({"streams": planned, "held": {}})


def _pages(task: Task, talk: Talk) -> None:
    from towpath.engine.records.child import run_pages

    run_pages(task, talk, load(task["registry"])())


def _keep_open(task: Task, talk: Talk, held: Mapping[str, int]) -> None:
    """Hold the source open, and its snapshot with it, until the slices are read."""
    from towpath.engine.keeper import wait_until_over

    wait_until_over(task, talk, held)


KINDS: Mapping[str, Callable[[Task, Talk], None]] = {
    "plan": _plan,
    "plan_retry": _plan_retry,
    "slice": _slice,
    "ordered": _ordered,
    "commit": _commit,
    "clear": _clear,
    "discard": _discard,
    "pages": _pages,
}
