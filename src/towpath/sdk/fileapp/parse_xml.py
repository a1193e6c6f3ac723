"""XML documents as records: no entities of their own, nothing fetched from anywhere.

What an element becomes says `towpath.sdk.xmltree`; one that is a text alone becomes ``{"#text": …}``.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from towpath.core.application import Failure
from towpath.core.errors import DataError

Warn = Callable[[str], None]
#: Documents that an XPath of the larger kind is asked over.
_WHOLE_BYTES = 64 * 1024 * 1024
_PLAIN = re.compile(r"//?[\w.-]+(/[\w.-]+)*")


def xml_items(file: BinaryIO, path: str, name: str, warn: Warn) -> Iterator[dict[str, Any] | Failure]:
    """The records. The document says its encoding. Raises `DataError` ``file.invalid``, ``file.too_large``,
    `ConfigError` ``path.invalid``.
    """
    from lxml import etree

    simple = not path or _PLAIN.fullmatch(path)
    found = False
    try:
        for value in _streamed(file, path) if simple else _asked(file, path, name):
            found = True
            yield value if isinstance(value, dict) else {"#text": value}
    except (etree.XMLSyntaxError, _DoctypeError) as error:
        raise _broken(name, str(error)) from error
    except DataError as error:
        raise (_broken(name, error.message) if error.code == "xml.malformed" else error) from error
    if not found:
        warn(f"{name} has no element {path or 'below its root'}: no record was read from it.")


def _streamed(file: BinaryIO, path: str) -> Iterator[Any]:
    """Elements of ``/a/b`` and ``//b``, of which one at a time is in memory; of nested ones the outer."""
    from lxml import etree

    from towpath.sdk import xmltree

    steps = [step for step in path.split("/") if step]
    anywhere = path.startswith("//")
    here: list[str] = []
    inside = 0
    events = etree.iterparse(
        file,
        ("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    for event, element in events:
        if event == "start":
            here.append(xmltree.name(element))
            _refuse_types(element)
            inside += _fits(here, steps, anywhere=anywhere)
            continue
        hit = _fits(here, steps, anywhere=anywhere)
        here.pop()
        inside -= hit
        if hit and not inside:
            yield xmltree.value(element)
        if not inside:
            _forget(element)


def _fits(here: list[str], steps: list[str], *, anywhere: bool) -> bool:
    if not steps:
        return len(here) == 2  # noqa: PLR2004 - the root and its child
    return here[-len(steps) :] == steps and (anywhere or len(here) == len(steps))


def _forget(element: Any) -> None:
    element.clear(keep_tail=True)
    while element.getprevious() is not None:
        del element.getparent()[0]


class _DoctypeError(Exception):
    """Document types carry entities, and nobody needs them in data."""


def _refuse_types(element: Any) -> None:
    if element.getparent() is None and element.getroottree().docinfo.doctype:
        raise _DoctypeError("it has a document type")


def _asked(file: BinaryIO, path: str, name: str) -> Iterator[Any]:
    from towpath.sdk import xmltree

    data = file.read(_WHOLE_BYTES + 1)
    if len(data) > _WHOLE_BYTES:
        raise DataError(
            "file.too_large",
            f"{name} is larger than {_WHOLE_BYTES >> 20} MB: too large for the XPath {path}.",
            hint="Use a path of names alone, such as /orders/order: it is read as a stream.",
        )
    root = xmltree.parse(data)
    _refuse_types(root)
    yield from xmltree.find(root, path)


def _broken(name: str, why: str) -> DataError:
    return DataError(
        "file.invalid",
        f"{name} is not XML as it should be: {' '.join(why.split()).rstrip('.')}.",
        hint="Check the file and its format; document types and their entities are not read.",
        file=name,
    )
