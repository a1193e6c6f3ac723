"""Trying a configuration before it is stored: within some seconds, and with the log of what went on."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from towpath.core.errors import InternalError, TowpathError, UnreachableError
from towpath.core.ports import Connector
from towpath.core.records import Level, LogLine
from towpath.engine.plain import redacted, secrets_of
from towpath.services.connections import Checked, check_role

#: How long somebody waits for an answer, in seconds. Connectors that reach nobody give up earlier.
PATIENCE = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    answer: str
    """What the system said of itself; empty after a failure."""
    error: TowpathError | None
    lines: tuple[LogLine, ...]
    """What went on, without secrets."""


def tried(connector: Connector[Any], config: Any, role: str, patience: float = PATIENCE) -> Outcome:
    """Open the connector in this role and ask whether it works."""
    secrets = secrets_of(config)
    lines = [LogLine(message=f"Trying {connector.title} as a {role}.")]
    checked = _in_time(lambda: _checked(connector, config, role), lines, patience)
    if checked is None:
        checked = Checked(role, error=_silent(connector, patience))
    error = checked.error and TowpathError.from_json(redacted(checked.error.to_json(), secrets))
    level = Level.ERROR if error else Level.INFO
    lines.append(LogLine(level=level, message=error.message if error else checked.answer))
    clean = (LogLine(at=line.at, level=line.level, message=redacted(line.message, secrets)) for line in lines)
    return Outcome(redacted(checked.answer, secrets), error, tuple(clean))


def _in_time(do: Callable[[], Checked], lines: list[LogLine], patience: float) -> Checked | None:
    """What ``do`` returns, its log in ``lines``; None if it takes too long: its thread is then left to the
    time limits of its connector.
    """
    found: list[Checked] = []

    def run() -> None:
        heard = _Heard(lines)
        logger = logging.getLogger("towpath")
        logger.addHandler(heard)
        try:
            found.append(do())
        finally:
            logger.removeHandler(heard)

    thread = threading.Thread(target=run, name="tryout", daemon=True)
    thread.start()
    thread.join(patience)
    return found[0] if found else None


def _checked(connector: Connector[Any], config: Any, role: str) -> Checked:
    try:
        return check_role(connector, config, role)
    except Exception:  # noqa: BLE001 - whatever it was, the person must hear of it
        # A connector's defect is what came of the trial, and no failure of ours.
        _log.exception("The connector %s failed when it was tried.", connector.name)
        return Checked(role, error=_crashed(connector))


class _Heard(logging.Handler):
    """What the thread that made it logs."""

    def __init__(self, lines: list[LogLine]) -> None:
        super().__init__()
        self._lines, self._thread = lines, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            at = datetime.fromtimestamp(record.created, UTC)
            self._lines.append(LogLine(at=at, level=_level(record.levelno), message=record.getMessage()))


def _level(number: int) -> Level:
    if number >= logging.ERROR:
        return Level.ERROR
    if number >= logging.WARNING:
        return Level.WARNING
    return Level.INFO if number >= logging.INFO else Level.DEBUG


def _silent(connector: Connector[Any], patience: float) -> TowpathError:
    return UnreachableError(
        "connection.timeout",
        f"{connector.title} did not answer within {patience:g} seconds.",
        hint="Check its address, and whether a firewall lets this machine reach it.",
    )


def _crashed(connector: Connector[Any]) -> TowpathError:
    return InternalError(
        "task.crashed",
        f"The connector {connector.name!r} failed in a way that it should not.",
        hint="Report it to whoever makes the connector; the server's log has the traceback.",
    )
