"""What a sign-in carries through browsers: signed words, so that nothing of it has to be stored.

A *link* is for whoever gets it first. A *state* is good in one browser only: its signature takes the secret
that the browser keeps in a cookie, and so does the verifier of PKCE.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

import orjson

from towpath.vault import Vault
from towpath.vault.oauth import new_secret

#: What a browser's secret looks like: 256 random bits.
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_LONGEST = 4000


@dataclass(frozen=True)
class Ticket:
    """Which sign-in it is, and where the browser goes afterwards."""

    org: str
    authorization: str
    return_url: str | None = None


def link(vault: Vault, ticket: Ticket) -> str:
    return _signed(vault, "link", ticket, "")


def state(vault: Vault, ticket: Ticket, browser: str) -> str:
    return _signed(vault, "state", ticket, browser)


def opened_link(vault: Vault, text: str) -> Ticket | None:
    """The ticket; None if we did not make the text."""
    return _opened(vault, "link", text, "")


def opened_state(vault: Vault, text: str, browser: str) -> Ticket | None:
    """The ticket; None if we did not make the text for that browser."""
    return _opened(vault, "state", text, browser)


def verifier(vault: Vault, authorization: str, browser: str) -> str:
    """The PKCE verifier of a sign-in in that browser: 43 characters."""
    return _mac(vault, "verifier", authorization, browser)


def digest(vault: Vault, browser: str) -> str:
    """What is stored of a browser's secret."""
    return _mac(vault, "browser", "", browser)


def new_browser() -> str:
    """A secret for one browser's cookie."""
    return new_secret()


def is_secret(text: str | None) -> bool:
    """Whether a cookie's value is one of ours by its form."""
    return text is not None and _SECRET.fullmatch(text) is not None


def _signed(vault: Vault, purpose: str, ticket: Ticket, browser: str) -> str:
    body = _text(orjson.dumps([ticket.org, ticket.authorization, ticket.return_url]))
    return f"{body}.{_mac(vault, purpose, body, browser)}"


def _opened(vault: Vault, purpose: str, text: str, browser: str) -> Ticket | None:
    body, _, mac = text[:_LONGEST].partition(".")
    if not hmac.compare_digest(mac.encode(errors="replace"), _mac(vault, purpose, body, browser).encode()):
        return None
    try:
        return Ticket(*orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
    except (binascii.Error, ValueError, TypeError):
        return None


def _mac(vault: Vault, purpose: str, text: str, browser: str) -> str:
    key = vault.derive(f"sign-in {purpose}")
    return _text(hmac.digest(key, f"{text}\0{browser}".encode(errors="surrogatepass"), hashlib.sha256))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
