"""Certificates and keys that come as text, for libraries that want them as files.

Where the system can, such a file is in memory alone and has no name; elsewhere it stands in a folder that
nobody else may open, for as long as a connection is being made.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_LINE = 64
#: For the own user only; libpq takes no key that others may read.
_MINE = 0o600
_OPEN_FILES = Path("/proc/self/fd")


def tidy(text: str) -> str:
    r"""The PEM blocks of a text, one line after the other. Forms and variables of the environment make blanks
    or ``\n`` of line breaks.
    """
    return "".join(_rewritten(*block.groups()) for block in _BLOCK.finditer(text.replace("\\n", "\n")))


def check_certificates(text: str) -> str:
    """The text. Raises `ValueError` if it is neither empty nor holds a certificate."""
    if text and "-----BEGIN CERTIFICATE-----" not in tidy(text):
        raise ValueError("it is no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
    return text


def check_key(text: str) -> None:
    """Raises `ValueError`, without telling it, if it is neither empty nor an open private key."""
    kinds = [block[1] for block in _BLOCK.finditer(text)]
    if text and not any(kind.endswith("PRIVATE KEY") for kind in kinds):
        raise ValueError("it is no private key in PEM form (-----BEGIN PRIVATE KEY-----)")
    if "ENCRYPTED PRIVATE KEY" in kinds or "ENCRYPTED" in text:
        raise ValueError("the private key has a passphrase: give it without one (openssl pkey)")


def _checked_key(key: SecretStr) -> SecretStr:
    check_key(key.get_secret_value())
    return key


def check_pair(certificate: str, key: SecretStr) -> None:
    """Raises `ValueError` if one of a client's certificate and key is there without the other."""
    if bool(certificate) != bool(key.get_secret_value()):
        raise ValueError("client_certificate and client_key belong together: give both or neither")


_TEXT = Field(json_schema_extra={"multiline": True})

#: Settings of connectors: certificates and an open private key as PEM text; empty for none.
Certificates = Annotated[str, AfterValidator(check_certificates), _TEXT]
PrivateKey = Annotated[SecretStr, AfterValidator(_checked_key), _TEXT]


@contextmanager
def files(texts: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Paths of files with these texts, by the same names, within the block only; none for empty texts.

    Only the own user may read them (mode 0600).
    """
    with ExitStack() as stack:
        yield {name: stack.enter_context(_file(tidy(text))) for name, text in texts.items() if text}


@contextmanager
def _file(text: str) -> Iterator[str]:
    if hasattr(os, "memfd_create") and _OPEN_FILES.is_dir():
        with os.fdopen(os.memfd_create("towpath"), "w") as file:
            os.fchmod(file.fileno(), _MINE)
            file.write(text)
            file.flush()
            yield str(_OPEN_FILES / str(file.fileno()))
        return
    with tempfile.TemporaryDirectory(prefix="towpath-") as folder:
        path = Path(folder) / "pem"
        path.touch(_MINE)
        path.write_text(text)
        yield str(path)


def _rewritten(kind: str, body: str) -> str:
    """One block. Headers within it (``Proc-Type: …``) would make an encrypted key, which nobody can open."""
    packed = "".join(body.split())
    lines = [packed[start : start + _LINE] for start in range(0, len(packed), _LINE)]
    return "\n".join((f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""))
