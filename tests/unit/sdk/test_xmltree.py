"""XML as plain values and back; nothing hostile in it does harm."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.sdk import ConfigError, DataError, xmltree

TEXT = st.text(st.characters(min_codepoint=32, blacklist_categories=["Cs", "Cc", "Cn"])).map(
    lambda text: text.replace("\ufffe", "").replace("\uffff", "")
)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
VALUES = st.recursive(
    TEXT,
    lambda inner: (
        st.dictionaries(NAMES, inner, min_size=1, max_size=3)
        | st.dictionaries(NAMES, st.lists(inner, min_size=2, max_size=3), min_size=1, max_size=2)
    ),
    max_leaves=6,
)


@given(st.dictionaries(NAMES, VALUES, min_size=2, max_size=3))
def test_what_is_written_is_read(record: dict[str, Any]):
    assert xmltree.value(xmltree.parse(xmltree.write(record))) == record


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<a><b></a>",
        b"<html>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x">%p;]><a/>',
        b"<a>" * 150 + b"</a>" * 150,
        b"<a>" * 5000,
    ],
)
def test_hostile_documents_are_refused(document: bytes):
    with pytest.raises(DataError) as caught:
        xmltree.value(xmltree.parse(document))
    assert caught.value.code == "xml.malformed"


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(document: bytes):
    try:
        xmltree.value(xmltree.parse(document))
    except DataError as error:
        assert error.code == "xml.malformed"  # noqa: PT017 - it may as well be XML


def test_paths_with_and_without_prefixes():
    root = xmltree.parse(b"<s:E xmlns:s='urn:s' xmlns='urn:d'><s:B><i a='1'>x</i><i>y</i></s:B></s:E>")
    assert xmltree.find(root, "/E/B/i") == [{"@a": "1", "#text": "x"}, "y"]
    assert xmltree.find(root, "/s:E/s:B/*[1]/@a") == ["1"], "the tree is as it was"
    assert xmltree.find(root, "//i/@a") == ["1"]
    assert xmltree.find(root, "/nothing") == []
    for wrong in ("///", "count(", "document('http://127.0.0.1/')", "/x:y"):
        with pytest.raises(ConfigError) as caught:
            xmltree.find(root, wrong)
        assert caught.value.code == "path.invalid"


def test_what_xml_cannot_hold():
    for record in ({"a b": 1}, {"a": "\x00"}, {"a": {"@x": []}}, {"1": "x"}):
        with pytest.raises(DataError) as caught:
            xmltree.write(record)
        assert caught.value.code == "value.unrepresentable"
