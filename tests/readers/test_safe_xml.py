"""XML from outside: lines are known, curves are passed over, entities are not met."""

from __future__ import annotations

import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.safe_xml import parse_xml

BILLION = '<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;">]>'
EXTERNAL = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


def test_a_tree() -> None:
    root = parse_xml(b'<r:a xmlns:r="u">\n<r:b id="1"> x </r:b><c><d>1</d></c>\n<r:b/></r:a>', "a.xml", skip=("c",))
    assert root.tag == "a" and [b.line for b in root.all("b")] == [2, 3]
    first = root.first("b")
    assert first is not None and first.attributes == {"id": "1"} and root.value("b") == "x"
    assert root.first("c") is None and root.value("c") == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BILLION + "<a>&m;</a>", "declares a document type"),
        (EXTERNAL + "<a>&x;</a>", "declares a document type.*line 1"),
        ('<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>', "declares a document type"),
        ("<a><b></a>", "not well-formed"),
        ("<a>", "not well-formed"),
        ("", "not well-formed"),
        ("<a>&x;</a>", "not well-formed"),
        ('<?xml version="1.0" encoding="martian"?><a/>', "not well-formed"),
        ("<a>" * 200 + "</a>" * 200, "nested too deeply"),
    ],
)
def test_what_is_refused(content: str, message: str) -> None:
    with pytest.raises(RawDataError, match=message):
        parse_xml(content.encode(), "a.xml")


def test_a_document_type_in_another_encoding() -> None:
    with pytest.raises(RawDataError, match="declares a document type"):
        parse_xml((EXTERNAL + "<a>&x;</a>").encode("utf-16"), "a.xml")
