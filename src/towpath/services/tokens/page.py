"""The reference page of providers, made from the catalogue: ``python -m towpath.services.tokens.page``."""

import sys
from collections.abc import Iterator

from towpath.core.ports import OAuth
from towpath.sdk.registry import Registry

_HEAD = """# Providers

Systems whose credentials are kept and lent by name, and where people can sign in by a connect link. Others
can be kept and lent all the same, under any name. This page is made from the catalogue:
`python -m towpath.services.tokens.page > docs/reference/providers.md`.

| provider | name | known by | sign-in | scopes asked for | renewed | revoked |
|---|---|---|---|---|---|---|"""

_FOOT = """
- *sign-in*: by a connect link; *own* means that the addresses are part of the connection's credentials.
- *scopes asked for*: where neither the connection nor your client names others.
- *revoked*: the provider is told when a connection is deleted.
- Words in braces, such as `{shop}`, are taken from the connection's credentials.

None of these was run against the provider itself: the dialogs are tested with a server of their kind.
"""


def page(registry: Registry) -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD, *_rows(registry), _FOOT])


def _rows(registry: Registry) -> Iterator[str]:
    for name in registry.names():
        connector = registry.get(name)
        if connector.auth:
            kinds = ", ".join(f"`{auth}`" for auth in connector.auth)
            oauth = _oauth(connector.oauth) if connector.oauth else ["-"] * 4
            yield f"| {connector.title} | `{name}` | {kinds} | {' | '.join(oauth)} |"


def _oauth(oauth: OAuth) -> list[str]:
    own = oauth.token_url.startswith("{")
    sign_in = "own" if own else f"`{oauth.authorize_url}`" if oauth.authorize_url else "-"
    scopes = ", ".join(f"`{scope}`" for scope in oauth.scopes) or "-"
    renewed = "own" if own else f"`{oauth.token_url}`"
    revoked = "own" if own else "yes" if oauth.revoke_url else "-"
    return [sign_in, scopes, renewed, revoked]


if __name__ == "__main__":
    sys.stdout.write(page(Registry.installed()))
