"""Keys of what is sent, the same when it is sent again after a crash."""

import secrets
from typing import Any

from towpath.core.application import Now


class Keys:
    """A key is of the page that the engine names (``words["page"]``) and of how many times this process has
    sent something of that page before. Without a page's name nothing ever comes again.
    """

    def __init__(self) -> None:
        self._page: Any = None
        self._sent = 0

    def key(self, now: Now) -> str:
        """Of what is about to be sent; the same until `done`."""
        page = now.words.get("page")
        if page is None:
            return secrets.token_hex(16)
        if page != self._page:
            self._page, self._sent = page, 0
        return f"{page}#{self._sent}"

    def done(self) -> None:
        """It was kept: what comes next is another."""
        self._sent += 1
