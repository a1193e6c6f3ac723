"""URLs that open one thing for a while, without a token: for browsers, and for whoever is to look at it.

A URL is bound to the organization, the thing and the time at which it ends: whatever of it is changed, it
opens nothing.
"""

import hmac
import json
import time
from urllib.parse import urlencode

from fastapi import Request
from starlette.exceptions import HTTPException

from towpath.api.integrator.auth import Caller
from towpath.api.integrator.ids import shown
from towpath.services.context import Rooms

#: How long a URL opens something, in seconds.
LIFE = 3600


def signed(request: Request, caller: Caller, kind: str, id: str) -> dict[str, str]:
    """``{"signedURL"}`` of the thing of this kind with this id of ours."""
    base = caller.rooms.public_url or f"{request.url.scheme}://{request.url.netloc}"
    org, digits, expires = shown(caller.org), shown(id), int(time.time()) + LIFE
    signature = _signature(caller.rooms, org, kind, digits, expires)
    query = urlencode({"expires": expires, "signature": signature})
    return {"signedURL": f"{base}/v1/signed/{kind}/{org}/{digits}?{query}"}


def check(rooms: Rooms, org: str, kind: str, digits: str, expires: str, signature: str) -> None:
    """Raises 403 unless the URL is one of ours, as it was made, and has not ended."""
    good = expires.isascii() and expires.isdecimal() and str(int(expires[:12])) == expires
    if good:
        expected = _signature(rooms, org, kind, digits, int(expires))
        good = hmac.compare_digest(expected.encode(), signature.encode()) and time.time() <= int(expires)
    if not good:
        # One answer for all: whoever tries learns nothing.
        raise HTTPException(403, "The URL was changed, or has expired.")


def _signature(rooms: Rooms, org: str, kind: str, digits: str, expires: int) -> str:
    text = json.dumps([org, kind, digits, expires]).encode()
    return hmac.digest(rooms.vault.derive("signed urls"), text, "sha256").hex()
