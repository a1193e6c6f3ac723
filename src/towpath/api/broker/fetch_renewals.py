"""Renewing a token because somebody wants to borrow it."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from towpath.core.errors import TowpathError
from towpath.services.context import Rooms
from towpath.services.lending.answers import Due
from towpath.services.tokens.renewing import Tokens

#: How many tokens one process renews at once. Other requests have other threads.
_THREADS = 16

#: How long a fetch waits for a new token while the old one still lives, in seconds.
_PATIENCE = 2.0

_log = logging.getLogger(__name__)


class Renewals:
    """One renewal of a connection at a time, for all fetches of this process that wait for it."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="renewal")
        self._going: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Future[None]] = {}

    async def renew(self, due: Due) -> None:
        """Wait until it was tried. Whether it worked is what the store says then. Never raises."""
        loop = asyncio.get_running_loop()
        place = (loop, due.connection)
        going = self._going.get(place)
        if going is None:
            going = self._going[place] = loop.run_in_executor(self._threads, self._try, due)
            going.add_done_callback(lambda _: self._going.pop(place, None))
        await asyncio.wait({going}, timeout=_PATIENCE if due.usable else None)

    def _try(self, due: Due) -> None:
        try:
            Tokens(self._rooms).renew(due.org, due.connection)
        except TowpathError as error:
            _log.warning("The token of connection %s was not renewed: %s", due.connection, error)
        except Exception as error:  # noqa: BLE001 - its text may hold anything, a secret too
            _log.error("Renewing connection %s failed: %s.", due.connection, type(error).__name__)
