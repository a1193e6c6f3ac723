"""Documents of resources without their secrets: cut out when they come in, masked when they are shown.

What is secret in a document is said by its names, whatever its type: so the documents of systems that nobody
has taught us about keep theirs, too.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from towpath.core.errors import ConfigError

#: What stands where a secret was. Sent back it means "unchanged".
MASK = "******"

_SHORTEST_MASK = 5
#: Everything below them is.
_BRANCHES = frozenset({"encrypted"})
_NAMES = re.compile(
    r"(.*_crypt|(.*_)?(password|passphrase|secret|pfx|authkey|apitoken|api_key|apikey|securitytoken)"
    r"|.*(password|secret|secretkey|secretaccesskey|privatekey|passphrase|accesstoken|refreshtoken"
    r"|bearertoken|systemtoken|tokensecret|apikey)|token|tokenid|accountkey|certid|credential)",
    re.IGNORECASE,
)
#: Of a certificate's parts, and of requests that sign somebody in.
_PATHS = re.compile(
    r"(.*\.)?(clientcertificates\.key|ssl\.key|cookieauth\.body|auth\.cookie\.body|webhook\.key)",
    re.IGNORECASE,
)

Path = tuple[str, ...]


def is_secret(path: Path) -> bool:
    """Whether a text at this path of a document is a secret."""
    if any(part in _BRANCHES for part in path[:-1]):
        return True
    return _NAMES.fullmatch(path[-1]) is not None or _PATHS.fullmatch(".".join(path)) is not None


def is_mask(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= _SHORTEST_MASK and not value.strip("*")


def cut(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document with `MASK` for each secret, and the secrets by path: ``rest.basicAuth.password``."""
    secrets: dict[str, Any] = {}
    return _cut(document, (), secrets), secrets


def masked(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as it may be shown."""
    return cut(document)[0]


def filled(document: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The document with known secrets where it has masks; others stay masks."""
    found: dict[str, Any] = _filled(document, (), known)
    return found


def left(document: Any, path: Path = ()) -> Iterator[str]:
    """The paths of all masks in secret places."""
    for key, item in _items(document):
        here = (*path, key)
        if is_mask(item) and is_secret(here):
            yield ".".join(here)
        yield from left(item, here)


def refuse_left(document: Mapping[str, Any]) -> None:
    """Raise `ConfigError` if a mask is left: it stands for nothing that is stored."""
    for path in left(document):
        raise ConfigError(
            "secret.reference",
            f"There is no stored secret for the field {path}.",
            hint="Enter the secret itself.",
            field=path,
        )


def _cut(value: Any, path: Path, secrets: dict[str, Any]) -> Any:
    if path and value not in (None, "") and not isinstance(value, Mapping | list) and is_secret(path):
        secrets[".".join(path)] = value
        return MASK
    if isinstance(value, Mapping):
        return {key: _cut(item, (*path, str(key)), secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item, (*path, str(index)), secrets) for index, item in enumerate(value)]
    return value


def _filled(value: Any, path: Path, known: Mapping[str, Any]) -> Any:
    if path and is_mask(value):
        return known.get(".".join(path), value)
    if isinstance(value, Mapping):
        return {key: _filled(item, (*path, str(key)), known) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, (*path, str(index)), known) for index, item in enumerate(value)]
    return value


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, list):
        yield from ((str(index), item) for index, item in enumerate(value))
