"""The URLs of an OAuth 2 provider, with the words that a connection's credentials put into them."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from towpath.core.errors import ConfigError
from towpath.core.ports import OAuth

_GAP = re.compile(r"\{([a-z][a-z0-9_]*)\}")
#: One label of a host name: nothing that could end the host, or make it another one.
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
#: One word of a path: nothing that could leave its place in it.
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")


def filled(oauth: OAuth, words: Mapping[str, Any]) -> OAuth:
    """The provider with every ``{name}`` of its URLs replaced by that word of the credentials.

    Raises `ConfigError` (``oauth.word_missing``, ``oauth.word_invalid``) naming the field: each stands for
    one label of a host name or one word of a path, so that no credentials lead a secret to another place.
    """
    return replace(
        oauth,
        token_url=_fill(oauth.token_url, words),
        authorize_url=_fill(oauth.authorize_url, words),
        revoke_url=_fill(oauth.revoke_url, words),
        issuer=_fill(oauth.issuer, words),
    )


def _fill(url: str, words: Mapping[str, Any]) -> str:
    start = url.find("://") + len("://")
    end_of_host = url.find("/", start) if "/" in url[start:] else len(url)

    def word(gap: re.Match[str]) -> str:
        return _checked(gap[1], words, _LABEL if gap.start() < end_of_host else _WORD)

    return _GAP.sub(word, url)


def _checked(name: str, words: Mapping[str, Any], form: re.Pattern[str]) -> str:
    value = words.get(name)
    if value is None or value == "":
        raise ConfigError(
            "oauth.word_missing",
            f"The credentials lack {name!r}, which the provider's address is made with.",
            hint=f"Add {name!r} to the credentials.",
            field=name,
        )
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ConfigError(
            "oauth.word_invalid",
            f"{name!r} in the credentials cannot be a part of the provider's address.",
            hint=f"Give one word alone as {name!r}: of https://acme.example.com for example only acme.",
            field=name,
        )
    return value
