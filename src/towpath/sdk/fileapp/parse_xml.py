"""XML documents as records: no entities but the five of XML, nothing fetched from anywhere.

An element becomes: its text where it has neither children nor attributes; else an object of its children by
name (a list where a name comes again), of its attributes as ``@name``, and of its text as ``#text``.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from towpath.core.application import Failure
from towpath.core.errors import ConfigError, DataError

Warn = Callable[[str], None]
#: Documents that an XPath of the larger kind is asked over.
_WHOLE_BYTES = 64 * 1024 * 1024
_PLAIN = re.compile(r"(//?[\w.-]+)((?:/[\w.-]+)*)")


def xml_items(file: BinaryIO, path: str, name: str, warn: Warn) -> Iterator[dict[str, Any] | Failure]:
    """The records. The document says its encoding. Raises `DataError` ``file.invalid``, ``file.too_large``,
    `ConfigError` ``path.invalid``.
    """
    from lxml import etree

    simple = _PLAIN.fullmatch(path)
    found = False
    try:
        elements = _streamed(file, path) if simple or not path else _asked(file, path, name)
        for element in elements:
            found = True
            value = to_value(element)
            yield value if isinstance(value, dict) else {"#text": value}
    except (etree.XMLSyntaxError, _DoctypeError) as error:
        raise DataError(
            "file.invalid",
            f"{name} is not XML as it should be: {' '.join(str(error).split())}.",
            hint="Check the file and its format; entities and document types are not read.",
            file=name,
        ) from error
    if not found:
        warn(f"{name} has no element {path or 'below its root'}: no record was read from it.")


def _streamed(file: BinaryIO, path: str) -> Iterator[Any]:
    """Elements of ``/a/b`` and ``//b``, of which one at a time is in memory."""
    from lxml import etree

    steps = [step for step in path.split("/") if step]
    anywhere = path.startswith("//")
    here: list[str] = []
    inside = 0
    events = etree.iterparse(
        file, ("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    for event, element in events:
        if event == "start":
            here.append(_local(element))
            _refuse_types(element)
            inside += _fits(here, steps, anywhere=anywhere)
            continue
        hit = _fits(here, steps, anywhere=anywhere)
        here.pop()
        if hit:
            inside -= 1
            if not inside:
                yield element
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
    from lxml import etree

    data = file.read(_WHOLE_BYTES + 1)
    if len(data) > _WHOLE_BYTES:
        raise DataError(
            "file.too_large",
            f"{name} is larger than {_WHOLE_BYTES >> 20} MB: too large for the XPath {path}.",
            hint="Use a path of names alone, such as /orders/order: it is read as a stream.",
        )
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    _refuse_types(root)
    try:
        answer = root.getroottree().xpath(path)
    except etree.XPathError as error:
        raise ConfigError(
            "path.invalid",
            f"{path!r} is no XPath: {error}.",
            hint="Write for example /orders/order or //order[@open='true'].",
            field="xml.path",
        ) from error
    yield from (one for one in answer if isinstance(one, etree._Element)) if isinstance(answer, list) else ()  # noqa: SLF001 - the class has no other name


def to_value(element: Any) -> Any:
    """The element as a text or an object."""
    children = [child for child in element if isinstance(child.tag, str)]
    text = "".join(element.xpath("text()")).strip() if children or element.attrib else element.text or ""
    if not children and not element.attrib:
        return text
    value: dict[str, Any] = {f"@{_short(key)}": one for key, one in element.attrib.items()}
    lists: set[str] = set()
    for child in children:
        key, one = _local(child), to_value(child)
        if key not in value:
            value[key] = one
        elif key in lists:
            value[key].append(one)
        else:
            lists.add(key)
            value[key] = [value[key], one]
    return value | ({"#text": text} if text else {})


def _local(element: Any) -> str:
    return _short(element.tag) if isinstance(element.tag, str) else ""


def _short(tag: str) -> str:
    """Without the namespace."""
    return tag.rpartition("}")[2]
