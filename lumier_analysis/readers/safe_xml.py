"""XML from outside: no document type, so no entities of any kind; a small tree that knows its lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from lumier_analysis.errors import RawDataError

_MAXIMUM_DEPTH = 100


@dataclass(slots=True)
class Node:
    """An element: its name without namespace, its attributes, its text, its line in the file."""

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def all(self, tag: str) -> Iterator[Node]:
        """Yield the children of that name."""
        return (c for c in self.children if c.tag == tag)

    def first(self, tag: str) -> Node | None:
        """Return the first child of that name, or None."""
        return next(self.all(tag), None)

    def value(self, tag: str) -> str:
        """Return the text of the first child of that name; "" where there is none."""
        child = self.first(tag)
        return "" if child is None else child.text.strip()


def parse_xml(content: bytes, name: str, skip: Collection[str] = ()) -> Node:
    """Parse a document.

    Parameters
    ----------
    content : bytes
        The document, in an encoding that it states.
    name : str
        File name, for messages.
    skip : collection of str
        Elements passed over with all they hold (fluorescence curves fill most of a file).

    Raises
    ------
    RawDataError
        The document is not well-formed, or declares a document type.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    root = Node("", {}, 0)
    stack: list[Node] = [root]
    skipping = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal skipping
        local = tag.rpartition(":")[2]
        if skipping or local in skip:
            skipping += 1
            return
        if len(stack) > _MAXIMUM_DEPTH:
            raise RawDataError(f"{name} is refused: its elements are nested too deeply", fix="export it again")
        node = Node(local, attributes, parser.CurrentLineNumber)
        stack[-1].children.append(node)
        stack.append(node)

    def end(_tag: str) -> None:
        nonlocal skipping
        if skipping:
            skipping -= 1
        else:
            stack.pop()

    def characters(text: str) -> None:
        if not skipping:
            stack[-1].text += text

    def document_type(*_: object) -> None:
        raise RawDataError(
            f"{name} is refused: it declares a document type, which no export needs and attacks use",
            found=f"<!DOCTYPE on line {parser.CurrentLineNumber}",
            fix="export it again from the instrument's software",
        )

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = document_type
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise RawDataError(
            f"{name} is cut or damaged", found=f"XML that is not well-formed ({error})", fix="export it again"
        ) from None
    return root.children[0]
