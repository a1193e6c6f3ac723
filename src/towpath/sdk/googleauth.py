"""Credentials for Google's services, as connections hold them: the JSON text of a key file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from towpath.core.errors import AuthError, ConfigError, UnreachableError
from towpath.sdk.endpoints import check_endpoint

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

#: Where tokens come from. A key file names the address itself; another one would get a signed request.
_TOKENS = ("https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token")
_KINDS = {
    "service_account": ("client_email", "private_key", "token_uri"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}


def check_key(text: str) -> Mapping[str, Any]:
    """The JSON object of a service account's or a user's key. Raises `ValueError` without telling it."""
    try:
        found = json.loads(text)
    except ValueError:
        raise ValueError("it is no JSON: paste the whole key file") from None
    kind = found.get("type") if isinstance(found, dict) else None
    if kind not in _KINDS:
        raise ValueError("its type must be service_account or authorized_user")
    missing = [name for name in _KINDS[kind] if not isinstance(found.get(name), str)]
    if missing:
        raise ValueError(f"{missing[0]} is missing in it")
    if found.get("token_uri", _TOKENS[0]) not in _TOKENS:
        raise ValueError(f"its token_uri must be {_TOKENS[0]}")
    return dict(found)


def check_place(endpoint: str, *, own: bool) -> None:
    """Whether requests may go to the endpoint that a user gave; ``own``: with a credential of the user's own.

    Raises what `check_endpoint` does, and `ConfigError` where it would get the credentials of the machine:
    these go to Google alone, or whoever may write a URL would have them.
    """
    if not endpoint:
        return
    check_endpoint(endpoint)
    host = urlsplit(endpoint).hostname or ""
    if not own and endpoint.startswith("https:") and not host.endswith(".googleapis.com"):
        raise ConfigError(
            "config.invalid",
            f"The machine's own credentials are not sent to {host}.",
            hint="Give the connection a credential, or leave the endpoint empty.",
            field="credential",
        )


def credentials(text: str, scopes: Sequence[str]) -> "Credentials":
    """Credentials of the key; of the machine itself (application default credentials) for an empty text."""
    import google.auth
    from google.oauth2 import credentials as users
    from google.oauth2 import service_account

    with translated():
        if not text:
            return google.auth.default(scopes=scopes)[0]
        key = check_key(text)
        made: Credentials
        try:
            if key["type"] == "authorized_user":
                made = users.Credentials.from_authorized_user_info(key, scopes)  # type: ignore[no-untyped-call]  # the vendor's has no hints
            else:
                made = service_account.Credentials.from_service_account_info(key, scopes=scopes)  # type: ignore[no-untyped-call]  # the same
        except ValueError as error:
            raise AuthError(
                "connection.auth_failed",
                "The private key of the credential cannot be read.",
                hint="Make a new key for the service account, and paste its whole JSON file.",
            ) from error
        return made


@contextmanager
def translated() -> Iterator[None]:
    """Within, errors of Google's sign-in come out as Towpath's."""
    from google.auth import exceptions

    try:
        yield
    except exceptions.DefaultCredentialsError as error:
        raise ConfigError(
            "config.invalid",
            "There is no credential, and this machine has none of its own.",
            hint="Paste the JSON of a service account's key.",
            field="credential",
        ) from error
    except exceptions.RefreshError as error:
        raise AuthError(
            "connection.auth_failed",
            "Google gives no token for the credential.",
            hint="Check that the key was not revoked and that this machine's clock is right.",
        ) from error
    except exceptions.TransportError as error:
        raise UnreachableError(
            "connection.lost", "Google's sign-in does not answer.", hint="It is tried again."
        ) from error
