"""Safe file names for hostile names: reversible, without escape from the folder.

A name becomes itself where it can, and ``%XX`` of its UTF-8 bytes elsewhere. What begins with ``_`` or
``.`` is hidden from most tools, so these first characters are written as ``%5F`` and ``%2E``: no stream
can be named like our own folders, and ``..`` is just another name.
"""

import hashlib
from urllib.parse import quote, unquote

from towpath.core.errors import DataError

#: What Hive, Spark, DuckDB and Arrow take for null in ``column=value`` folders.
NULL = "__HIVE_DEFAULT_PARTITION__"

_PLAIN = " -_.@+,"
_LIMIT = 200  # file systems take 255 bytes; the suffixes of our own come on top


def encode(name: str) -> str:
    """The folder or file name for ``name``, at most 200 bytes.

    A longer one is cut and ends in ``~`` and a digest of the whole: the manifest knows its full name.

    >>> encode("public.orders"), encode("../a/b"), encode("_x"), encode("50% off. ")
    ('public.orders', '%2E.%2Fa%2Fb', '%5Fx', '50%25 off.%20')
    """
    text = "".join(_escape(char) for char in name)
    if text[:1] in ("_", "."):
        text = quote_byte(text[0]) + text[1:]
    if text[-1:] in (" ", "."):
        text = text[:-1] + quote_byte(text[-1])
    return text if len(text.encode()) <= _LIMIT and text else _shorten(text, name)


def decode(text: str) -> str:
    """The name that `encode` made ``text`` of (not for cut ones).

    >>> decode(encode("../a/b"))
    '../a/b'
    """
    return unquote(text)


def quote_byte(char: str) -> str:
    """``%XX`` of every UTF-8 byte."""
    return "".join(f"%{byte:02X}" for byte in char.encode(errors="surrogatepass"))


def partition(column: str, value: str | None) -> str:
    """The folder ``column=value``, as Hive writes it. Raises `DataError` for a value too long for a folder.

    >>> partition("day", "2026-01-31"), partition("a/b", "c=d e"), partition("x", None)
    ('day=2026-01-31', 'a%2Fb=c%3Dd%20e', 'x=__HIVE_DEFAULT_PARTITION__')
    """
    text = f"{quote(column, safe='')}={NULL if value is None else _hive(value)}"
    if len(text.encode()) > _LIMIT:
        raise DataError(
            "value.unrepresentable",
            f"A value of the partition column {column!r} is too long for a folder name "
            f"({len(text)} characters when escaped).",
            hint="Partition by another column.",
            column=column,
        )
    return text


def _hive(value: str) -> str:
    escaped = quote(value, safe="")
    return quote_byte("_") + escaped[1:] if value == NULL else escaped


def _escape(char: str) -> str:
    return char if char.isalnum() or char in _PLAIN else quote_byte(char)


def _shorten(text: str, name: str) -> str:
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]
    head = text.encode()[: _LIMIT - 20].decode(errors="ignore")
    # No half of an escape may stay at the cut.
    return f"{head[: head.rfind('%')] if '%' in head[-3:] else head}~{digest}"


def short_digest(*parts: str) -> str:
    """A short name for keys of any length and characters."""
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:20]
