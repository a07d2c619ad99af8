"""From bytes to lines: encodings checked, never guessed against the plan, and true line numbers."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from lumier_analysis.errors import PlanError, RawDataError

#: UTF-8 sequences of French text as they look to a one-byte encoding ("Ã©", "Â°", "â€™"): no one types these.
_UTF8_SEQUENCE = re.compile(rb"\xc3[\x80-\xbf]|\xc2[\xa0-\xbf]|\xe2\x80[\x90-\xbf]")


def read_bytes(path: str | Path) -> bytes:
    """Return the content of a raw file.

    Raises
    ------
    RawDataError
        Where there is no such file, it cannot be read, or it is empty.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise RawDataError(
            f"The raw file {path.name} is missing",
            found=f"nothing at {path}",
            fix="put the export there or correct `path`",
        ) from None
    except OSError as error:
        raise RawDataError(f"The raw file {path.name} cannot be read", found=error.strerror or str(error)) from None
    if not content.removeprefix(codecs.BOM_UTF8).strip():
        raise RawDataError(f"The raw file {path.name} is empty", found=f"{len(content)} bytes", fix="export it again")
    return content


def line_of(content: bytes, offset: int) -> int:
    """Return the 1-based line on which a byte stands, whatever ends the lines (CR, LF or CRLF)."""
    before = content[:offset]
    return before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n") + 1


def _key(name: str, encoding: str) -> str:
    return f"set `encoding: {encoding}` for {name} under `files` in the plan, or export the file again"


def _utf16_without_mark(content: bytes) -> str:
    """Return which UTF-16 the bytes are where nearly every other one is zero, as in text of any European language."""
    head = content[:4096]
    low, high = head[0::2].count(0), head[1::2].count(0)
    most = 0.9 * (len(head) // 2)
    if len(head) < 8 or max(low, high) < most or min(low, high) > 0:
        return ""
    return "utf-16-le" if high > low else "utf-16-be"


def decode(content: bytes, name: str, encoding: str | None = None) -> str:
    """Decode the content of a raw file.

    Parameters
    ----------
    content : bytes
        The whole file.
    name : str
        File name, for messages.
    encoding : str, optional
        The encoding that the plan states; it is enforced. Without it UTF-16, UTF-8 (each with or without byte order
        mark), then cp1252 (of which latin-1 text is a part) are tried.

    Returns
    -------
    str
        The text, without byte order mark.

    Raises
    ------
    PlanError
        Python knows no such encoding.
    RawDataError
        The bytes contradict the encoding; the message names the line, what was seen, and the key of the plan.
    """
    if encoding is None and content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        codec = "utf-16"
    elif encoding is None and (wide := _utf16_without_mark(content)):
        codec = wide
    elif encoding is None:
        codec = "utf-8"
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            codec = "cp1252"
    else:
        try:
            codec = codecs.lookup(encoding).name
        except LookupError:
            raise PlanError(
                f"The plan gives {name} an encoding that does not exist",
                found=f"`encoding: {encoding}`",
                fix="use utf-8, cp1252 or latin-1",
            ) from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not codec.startswith(("utf-16", "utf-32")):
        raise RawDataError(
            f"The raw file {name} is not in the expected encoding",
            found="a UTF-16 mark on line 1",
            fix=_key(name, "utf-16"),
        )
    if codec.startswith(("utf-16", "utf-32")):
        try:
            return content.decode(codec).removeprefix("\ufeff")
        except UnicodeDecodeError:
            raise RawDataError(
                f"The raw file {name} is not in {codec}, the encoding that "
                f"{'its first bytes announce' if encoding is None else 'the plan states'}, or it is cut",
                fix=_key(name, "utf-8"),
            ) from None
    if (zero := content.find(b"\0")) >= 0:
        raise RawDataError(
            f"The raw file {name} is damaged, or is no text file",
            found=f"a NUL byte on line {line_of(content, zero)}",
            fix="export it again as CSV",
        )
    if codec in ("utf-8", "utf-8-sig"):
        return _decode_utf8(content, name)
    return _decode_one_byte(content, name, codec, stated=encoding is not None)


def _decode_utf8(content: bytes, name: str) -> str:
    # A byte order mark is part of no value: it is taken off whether or not the plan mentions it.
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RawDataError(
            f"The raw file {name} is not in UTF-8, the encoding that the plan states",
            found=f"the byte 0x{content[error.start]:02x} on line {line_of(content, error.start)}",
            fix=_key(name, "cp1252"),
        ) from None


def _decode_one_byte(content: bytes, name: str, codec: str, *, stated: bool) -> str:
    what = f"{codec}, the encoding that the plan states" if stated else f"one encoding ({codec} was tried)"
    if content.startswith(codecs.BOM_UTF8):
        raise RawDataError(
            f"The raw file {name} is not in {what}", found="a UTF-8 byte order mark on line 1", fix=_key(name, "utf-8")
        )
    if seen := _UTF8_SEQUENCE.search(content):
        line, text = line_of(content, seen.start()), seen.group().decode("utf-8")
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            other = line_of(content, error.start)
            raise RawDataError(
                f"The raw file {name} mixes two encodings",
                found=f"'{text}' in UTF-8 on line {line}, the byte 0x{content[error.start]:02x} on line {other}",
                fix="export it again; it was probably put together from two files",
            ) from None
        raise RawDataError(
            f"The raw file {name} is not in {what}", found=f"'{text}' in UTF-8 on line {line}", fix=_key(name, "utf-8")
        )
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        raise RawDataError(
            f"The raw file {name} is not in {what}",
            found=f"the byte 0x{content[error.start]:02x} on line {line_of(content, error.start)}",
            fix=f"find out which program wrote it and set `encoding` for {name} under `files` in the plan",
        ) from None
    if control := re.search(r"[\x80-\x9f]", text):
        # Printable in cp1252, control characters in latin-1: French quotes and the euro sign give the file away.
        line = line_of(content, control.start())
        raise RawDataError(
            f"The raw file {name} is not in {what}",
            found=f"the control character 0x{ord(control.group()):02x} on line {line}",
            fix=_key(name, "cp1252"),
        )
    return text


def records(text: str, name: str, separator: str, first_line: int = 1) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which a record starts and its fields; blank lines yield nothing.

    Quoted fields may hold separators and line breaks. `first_line` is the number of the text's first line.

    Raises
    ------
    RawDataError
        A quote that is not closed, or text after a closing quote.
    """
    # newline="" keeps the line ends as they are: csv needs to see them inside quotes, and lone CRs end lines too.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    start = first_line
    try:
        for fields in reader:
            if fields and (len(fields) > 1 or fields[0].strip()):
                yield start, fields
            start = reader.line_num + first_line
    except csv.Error as error:
        raise RawDataError(
            f"The raw file {name} has a quotation mark that is not closed",
            found=f"{error}, from line {start}",
            fix="close or remove the quotation mark in the export",
        ) from None
