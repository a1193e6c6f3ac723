"""Keys of what is sent, the same when it is sent again after a crash."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

import orjson

from towpath.core.application import Now, Sending


class Keys:
    """Tells a page that comes again from one that only looks the same.

    A key is of the page that the engine names (``words["page"]``), of what the records looked like when they
    came to the step, and of how often this process was given that very thing of that page. Without a page's
    name nothing ever comes again.
    """

    def __init__(self) -> None:
        self._page: Any = None
        self._seen: dict[str, int] = {}

    def key(self, now: Now, sendings: Sequence[Sending]) -> str:
        page = now.words.get("page")
        if page is None:
            return secrets.token_hex(16)
        if page != self._page:
            self._page, self._seen = page, {}
        came = orjson.dumps([page, [sending.record for sending in sendings]], default=str)
        digest = hashlib.sha256(came).hexdigest()[:32]
        return f"{digest}.{self._seen.get(digest, 0)}"

    def done(self, key: str) -> None:
        """What has this key was kept: the like of it is another."""
        digest, _, number = key.partition(".")
        self._seen[digest] = int(number or 0) + 1
