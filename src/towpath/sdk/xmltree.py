"""XML as plain values and back: elements are objects, attributes ``@name``, text beside either ``#text``.

What repeats is a list, an element without children and attributes its text. Namespaces are left out of names.
Nothing is ever fetched, and entities of a document's own are refused: they can make gigabytes of a few lines.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from lxml import etree

from towpath.core.errors import ConfigError, DataError

_PREFIXED = re.compile(r"(?<!:)\b[A-Za-z_][\w.-]*:(?!:)")
_DEEPEST = 100


def parse(document: bytes) -> etree._Element:
    """The root of the document. Raises `DataError` ``xml.malformed``."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _malformed(str(error)) from error
    dtd: Any = root.getroottree().docinfo.internalDTD
    if dtd is not None and list(dtd.iterentities()):
        raise _malformed("it declares entities of its own")
    return root


def value(element: etree._Element) -> Any:
    """The element as a plain value.

    >>> value(parse(b"<order id='7'><line>a</line><line>b</line><note/></order>"))
    {'@id': '7', 'line': ['a', 'b'], 'note': ''}
    """
    return _value(element, 0)


def name(element: etree._Element) -> str:
    """The element's name without its namespace."""
    return _local(element.tag)


def find(root: etree._Element, path: str) -> list[Any]:
    """What an XPath finds, in the order of the document; elements as by `value`.

    A path without prefixes matches elements of any namespace. Raises `ConfigError` ``path.invalid``.

    >>> find(parse(b"<o xmlns='urn:x'><l>a</l><l>b</l></o>"), "/o/l")
    ['a', 'b']
    """
    names: dict[str, str] | None = None
    if _PREFIXED.search(path):
        names = {prefix: name for prefix, name in root.nsmap.items() if prefix}
    else:
        root = _without_namespaces(root)
    try:
        found: Any = etree.XPath(path, namespaces=names, regexp=False)(root.getroottree())
    except etree.XPathError as error:
        raise ConfigError(
            "path.invalid",
            f"The XPath {path[:80]!r} is not understood: {error}.",
            hint="Write it as in XPath 1.0: /orders/order.",
        ) from error
    if not isinstance(found, list):
        return [found]
    return [value(one) if isinstance(one, etree._Element) else str(one) for one in found]  # noqa: SLF001 - the only name that lxml has for it


def write(record: Any, root: str = "record") -> bytes:
    """The document of a value. An object with a single member that is an object is the root itself.

    Raises `DataError` ``value.unrepresentable`` for names and characters that XML cannot hold.

    >>> write({"order": {"@id": 7, "line": ["a", "b"]}}).decode()
    '<order id="7"><line>a</line><line>b</line></order>'
    """
    if isinstance(record, Mapping) and len(record) == 1:
        only, inner = next(iter(record.items()))
        if isinstance(inner, Mapping):
            root, record = str(only), inner
    try:
        element = etree.Element(root)
        _fill(element, record, 0)
        return etree.tostring(element, encoding="utf-8")
    except ValueError as error:
        raise DataError(
            "value.unrepresentable",
            f"A record cannot be written as XML: {error}.",
            hint="Give its fields names that XML takes, and leave control characters out.",
        ) from error


def _value(element: etree._Element, depth: int) -> Any:
    if depth > _DEEPEST:
        raise _malformed(f"its elements are nested more than {_DEEPEST} deep")
    made: dict[str, Any] = {f"@{_local(name)}": text for name, text in element.attrib.items()}
    for child in element:
        name, inner = _local(child.tag), _value(child, depth + 1)
        if name not in made:
            made[name] = inner
        elif isinstance(made[name], list):
            made[name].append(inner)
        else:
            made[name] = [made[name], inner]
    text = (element.text or "") + "".join(child.tail or "" for child in element)
    if not made:
        return text
    return made | {"#text": text} if text.strip() else made


def _fill(element: etree._Element, record: Any, depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"it is nested more than {_DEEPEST} deep")
    if not isinstance(record, Mapping):
        element.text = _text(record)
        return
    for name, inner in record.items():
        if str(name).startswith("@"):
            element.set(str(name)[1:], _text(inner))
        elif name == "#text":
            element.text = _text(inner)
        else:
            for one in inner if isinstance(inner, list | tuple) else [inner]:
                _fill(etree.SubElement(element, str(name)), one, depth + 1)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        raise ValueError("a list stands where only a value can")  # noqa: TRY004 - one kind for all that XML cannot
    return str(value)


def _local(name: Any) -> str:
    return str(name).rpartition("}")[2]


def _without_namespaces(root: etree._Element) -> etree._Element:
    """The same tree, or where it has namespaces a copy without them."""
    if not any("}" in str(element.tag) for element in root.iter()):
        return root
    bare = deepcopy(root)
    for element in bare.iter():
        element.tag = _local(element.tag)
    return bare


def _malformed(why: str) -> DataError:
    return DataError(
        "xml.malformed",
        f"What came is not XML that can be read: {why}.",
        hint="Check the media type of the answer; it may be an error page.",
    )
