"""Which instrument wrote a PCR export, told from its content."""

from __future__ import annotations

import re
from pathlib import Path

from lumier_analysis.readers.decode import read_bytes

_SIGNS = (
    ("Biomark Table Results", r"^\W?Export Type\W+Table Results\W*$"),
    ("another Biomark export", r"^\W?Export Type\W"),
    ("Biomark Table Results", r"^\W?ID\W?[,;\t].*Call"),
    ("SDS 2 (7900HT)", r"\ASDS 2"),
    ("LightCycler 480", r"\AExperiment:.*Selected Filter"),
    ("QuantStudio or ViiA 7", r"^\*\s*(Block Type|Experiment File Name|Chemistry|Instrument Type)\s*="),
    ("CFX", r"^\W*Well\W+Fluor\W+Target"),
    ("StepOne", r"^Well\tSample Name\t.*C[tTт]"),
    ("RDML", r"<rdml\b"),
)


def recognise_ct(path: str | Path) -> str:
    """Name the format of a PCR export.

    Returns
    -------
    str
        "Biomark Table Results", "another Biomark export", "SDS 2 (7900HT)", "LightCycler 480", "QuantStudio or ViiA 7",
        "CFX", "StepOne", "RDML", "a spreadsheet or RDML archive", "an old spreadsheet (.xls)" or "unknown".

    Raises
    ------
    RawDataError
        There is no such file, or it is empty.
    """
    content = read_bytes(path)
    if content.startswith(b"PK\x03\x04"):
        return "a spreadsheet or RDML archive"
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        return "an old spreadsheet (.xls)"
    # The head is enough and is only looked at: a byte that does not decode must not stop the recognition.
    head = content[:16384].decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return next((name for name, sign in _SIGNS if re.search(sign, head, flags=re.MULTILINE)), "unknown")
