"""What has to work for this process to be of use."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from towpath.bootstrap.container import Container
from towpath.core.errors import TowpathError

#: The scheduler ticks far more often; without any sign of life for this long it stands still.
TICK_LIMIT = timedelta(seconds=60)


def checks(container: Container) -> dict[str, str]:
    """``ok``, or the code of what is wrong, for the store, the key and the scheduler."""
    return {
        "store": _try(lambda: _touch(container)),
        "key": _try(lambda: container.vault),
        "scheduler": _try(lambda: _ticks(container)),
    }


def ready(found: Mapping[str, str]) -> bool:
    return set(found.values()) == {"ok"}


def _try(check: Callable[[], object]) -> str:
    try:
        return "ok" if check() is not False else "stopped"
    except TowpathError as error:
        return error.code


def _touch(container: Container) -> bool:
    with container.store.read() as work:
        return bool(work.organizations.list())


def _ticks(container: Container) -> bool:
    """Whether any worker has shown itself lately: each of them runs the scheduler."""
    with container.store.read() as work:
        return bool(work.workers.alive(TICK_LIMIT))
