"""Which instrument wrote a PCR export, told from its content."""

from __future__ import annotations

import re
from pathlib import Path

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import cfx, lightcycler, quantstudio, sds
from lumier_analysis.readers.archive import Archive
from lumier_analysis.readers.decode import decode, read_bytes
from lumier_analysis.readers.named_table import find_header
from lumier_analysis.readers.rdml import MEMBER

BIOMARK, OTHER_BIOMARK = "Biomark Table Results", "another Biomark export"
QUANTSTUDIO, STEPONE, DESIGN = "QuantStudio or ViiA 7", "StepOne", "Design & Analysis"
SDS, CFX, LIGHTCYCLER, RDML = "SDS 2 (7900HT)", "CFX", "LightCycler 480", "RDML"
WORKBOOK, ZIPPED_RDML, UNKNOWN = "a workbook (.xlsx)", "a zipped RDML", "unknown"

_SIGNS = (
    (BIOMARK, r"^\W?Export Type\W+Table Results\W*$"),
    (OTHER_BIOMARK, r"^\W?Export Type\W"),
    (BIOMARK, r"^\W?ID\W?[,;\t].*Call"),
    (SDS, r"\A\W*SDS 2"),
    (LIGHTCYCLER, r"\A\W*Experiment:.*Selected Filter"),
    (QUANTSTUDIO, r"^\W*\*\s*(Block Type|Experiment File Name|Chemistry|Instrument Type|Experiment Name)\s*="),
    (RDML, r"\A\s*(?=<)(?s:.*?)<(\w+:)?rdml[\s>]"),
)
#: Formats told by the names of their columns, wherever the header stands.
_HEADERS = (
    # Without Cq it is another export of the CFX, which its reader says.
    (CFX, cfx.COLUMNS, ("well", "dye", "content")),
    (LIGHTCYCLER, lightcycler.COLUMNS, lightcycler.REQUIRED),
    (SDS, sds.COLUMNS, ("well", "sample", "assay", "ct", "flag")),
    (QUANTSTUDIO, quantstudio.COLUMNS, quantstudio.REQUIRED),
)
_KINDS = (
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (.xls)"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"{\\rtf", "an RTF document"),
)


def recognise_text(text: str) -> str:
    """Name the format of an export that is text; "unknown" where it is none of them."""
    head = text[:65536].replace("\r\n", "\n").replace("\r", "\n")
    for name, sign in _SIGNS:
        if re.search(sign, head, flags=re.MULTILINE):
            return name
    for name, columns, required in _HEADERS:
        if found := find_header(text, columns, required):
            if name != QUANTSTUDIO:
                return name
            header = found[3]
            return DESIGN if "cq" in header else STEPONE
    return UNKNOWN


def recognise_bytes(content: bytes, name: str) -> str:
    """Name the format of a file by its bytes; a text that cannot be decoded is "unknown"."""
    if content.startswith(b"PK\x03\x04"):
        members = Archive(content, name).members
        if MEMBER in members or any(m.endswith("/" + MEMBER) for m in members):
            return ZIPPED_RDML
        if "xl/workbook.xml" in members:
            return WORKBOOK
        if "word/document.xml" in members:
            return "a text document (.docx)"
        if any(m.startswith("apldbio/") for m in members):
            return "an experiment file of the instrument (.eds)"
        return "a zip archive"
    for start, kind in _KINDS:
        if content.startswith(start):
            return kind
    try:
        return recognise_text(decode(content, name))
    except RawDataError:
        return UNKNOWN


def recognise_ct(path: str | Path) -> str:
    """Name the format of a PCR export.

    Returns
    -------
    str
        "Biomark Table Results", "another Biomark export", "SDS 2 (7900HT)", "LightCycler 480", "QuantStudio or ViiA 7",
        "StepOne", "Design & Analysis", "CFX", "RDML", "a zipped RDML", "a workbook (.xlsx)", what else the file is, or
        "unknown".

    Raises
    ------
    RawDataError
        There is no such file, it is empty, or it is a damaged archive.
    """
    return recognise_bytes(read_bytes(path), Path(path).name)
