"""Biomark "Table Results": one CSV a chip, one row a chamber.

Three stacked header lines name the columns, since "Name" and "Type" stand twice (sample, assay) and "Value" may stand
for Ct and for Tm. Their position differs between versions of the software, so they are found by content.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.chips import CHAMBER, chamber_count, chip_size, refuse_other_chambers
from lumier_analysis.readers.cycles import NO_CT, refuse_strange_cycles, shown
from lumier_analysis.readers.decode import decode, read_bytes, records
from lumier_analysis.readers.reactions import Source, reaction_table
from lumier_analysis.readers.tasks import well_tasks

_HEADER = re.compile(r"^\W?ID\W?([,;\t])", flags=re.MULTILINE)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def _layout(rows: list[tuple[int, list[str]]], name: str) -> tuple[int, dict[str, int]]:
    """Return the position of the header line among `rows`, and the columns needed by what they hold."""
    at = next((i for i, (_, fields) in enumerate(rows) if fields[0].strip() == "ID"), None)
    kind = next((f[1].strip() for _, f in rows if f[0].strip() == "Export Type" and len(f) > 1), None)
    if kind is not None and kind.casefold() != "table results":
        raise RawDataError(
            f"{name} is another kind of Biomark export than 'Table Results'",
            found=f"Export Type '{kind}'",
            fix="export it again from the analysis software as Table Results (*.csv)",
        )
    if at is None:
        raise RawDataError(
            f"{name} is no Biomark 'Table Results' export: no line begins with ID",
            found=f"a first line of {len(rows[0][1])} fields",
            fix="export the chip as Table Results (*.csv)",
        )
    header = [h.strip() for h in rows[at][1]]
    groups = [g.strip() for g in rows[at - 1][1]] if at else []
    if len(groups) != len(header) or "Ct" not in groups:
        raise RawDataError(
            f"{name} has lost the header lines above 'ID', which tell its columns apart",
            found="other column groups there" if at else "no line above",
            fix="export the chip again and do not edit the file",
        )
    wanted = {
        "sample": ("Sample", "Name"),
        "sample_type": ("Sample", "Type"),
        "ct": ("Ct", "Value"),
        "quality": ("Ct", "Quality"),
        "call": ("Ct", "Call"),
    }
    columns = {"well": 0}
    for what, pair in wanted.items():
        columns[what] = _only(
            [i for i, p in enumerate(zip(groups, header, strict=True)) if p == pair], name, " ".join(pair)
        )
    # The assay's group is named after its dye (FAM-MGB, EvaGreen): it is the Name and Type that are not the sample's.
    for what, label in (("assay", "Name"), ("assay_type", "Type")):
        found = [i for i, h in enumerate(header) if h == label and groups[i] not in ("Sample", "Ct", "Tm")]
        columns[what] = _only(found, name, f"assay {label}")
    if ("Sample", "rConc") in (pairs := list(zip(groups, header, strict=True))):
        columns["concentration"] = pairs.index(("Sample", "rConc"))
    return at, columns


def _only(found: list[int], name: str, what: str) -> int:
    if len(found) == 1:
        return found[0]
    raise RawDataError(
        f"{name} has {'no column' if not found else 'more than one column'} '{what}'",
        found=f"columns {', '.join(str(i + 1) for i in found)}" if found else None,
        fix="export the chip as Table Results (*.csv), one probe a file",
    )


def _numbers(text: list[str], lines: Sequence[int], name: str, what: str) -> np.ndarray:
    """Read a column of numbers, with point or comma as decimal mark."""
    try:
        values = np.array([float(t) for t in text])
    except ValueError:
        values = np.array([float(p) if _NUMBER.fullmatch(p := t.replace(",", ".")) else np.nan for t in text])
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise RawDataError(
            f"{name} has a {what} that is no number",
            found=f"{shown(text[bad[0]])} on line {lines[bad[0]]}",
            fix="export the chip again",
        )
    return values


def _split(text: str, separator: str) -> tuple[list[tuple[int, list[str]]], int, list[str]] | None:
    """Split a file without quotes and with whole rows: lines down to the header, its position, and the fields below.

    Returns
    -------
    tuple or None
        None where any line is not as wide as the header: then `_split_with_care` says which.
    """
    if '"' in text:
        return None
    lines = text.rstrip("\n").split("\n")
    at = next((i for i, line in enumerate(lines) if line.split(separator, 1)[0].strip() == "ID"), None)
    if at is None or at + 1 == len(lines):
        return None
    separators = lines[at].count(separator)
    body = lines[at + 1 :]
    if any(line.count(separator) != separators for line in body):
        return None
    above = [(i, line.split(separator)) for i, line in enumerate(lines[: at + 1], start=1) if line.strip()]
    return above, at + 1, separator.join(body).split(separator)


def _split_with_care(text: str, name: str, separator: str) -> tuple[list[tuple[int, list[str]]], list[int], list[str]]:
    """Split any file, or say on which line it is no whole chamber."""
    rows = list(records(text, name, separator))
    if not rows:
        raise RawDataError(f"{name} is no Biomark 'Table Results' export: it is blank", fix="export the chip again")
    at, _ = _layout(rows, name)
    width, body = len(rows[at][1]), rows[at + 1 :]
    whole = [(line, fields) for line, fields in body if len(fields) == width and CHAMBER.fullmatch(fields[0].strip())]
    if not whole:
        raise RawDataError(f"{name} holds no chamber below its header", fix="export the chip again")
    if len(whole) < len(body):
        kept = {line for line, _ in whole}
        line, fields = next((line, fields) for line, fields in body if line not in kept)
        chip = chip_size(rows[:at], [fields[0].strip() for _, fields in whole])
        raise RawDataError(
            f"{name} is cut or damaged: line {line} is no whole chamber",
            found=f"{len(fields)} fields instead of {width}, and {chamber_count(len(whole), chip)}",
            fix="export the chip again",
        )
    return rows[: at + 1], [line for line, _ in whole], [f for _, fields in whole for f in fields]


def parse_biomark(text: str, source: Source) -> pd.DataFrame:
    """Read the text of a Biomark "Table Results" export; see `read_biomark`."""
    name, text = source.name, text.replace("\r\n", "\n").replace("\r", "\n")
    separator = next((m[1] for m in _HEADER.finditer(text)), ",")
    quick = _split(text, separator)
    lines: Sequence[int]
    if quick is not None:
        above, at, fields = quick
        lines = range(at + 1, at + 1 + len(fields) // len(above[-1][1]))
    else:
        above, lines, fields = _split_with_care(text, name, separator)
    position, column = _layout(above, name)
    width = len(above[position][1])

    def take(what: str) -> list[str]:
        return [f.strip() for f in fields[column[what] :: width]]

    wells = take("well")
    if (strange := next((i for i, w in enumerate(wells) if not CHAMBER.fullmatch(w)), None)) is not None:
        raise RawDataError(
            f"{name} is cut or damaged: line {lines[strange]} is no whole chamber",
            found="no chamber like S01-A01",
            fix="export the chip again",
        )
    chip = chip_size(above[:position], wells)
    refuse_other_chambers(wells, chip, name)
    ct, quality = _numbers(take("ct"), lines, name, "Ct"), _numbers(take("quality"), lines, name, "quality")
    call = take("call")
    if (other := next((i for i, c in enumerate(call) if c not in ("Pass", "Fail")), None)) is not None:
        raise RawDataError(
            f"{name} has a call that is neither Pass nor Fail",
            found=f"{shown(call[other])} on line {lines[other]}",
            fix="export the chip again",
        )
    passed, none = np.array([c == "Pass" for c in call]), ct == NO_CT
    ct = np.where(none, np.nan, ct)
    refuse_strange_cycles(np.where(passed, ct, np.nan), lines, name)
    task = well_tasks(take("sample_type"))
    quantity = None
    if "standard" in task and "concentration" in column:
        quantity = _numbers([c or "0" for c in take("concentration")], lines, name, "rConc")
    return reaction_table(
        source,
        lines=lines,
        well=wells,
        sample=take("sample"),
        assay=take("assay"),
        ct=ct,
        state=np.select([none, passed], ["not detected", "detected"], "untrusted"),
        task=task,
        sample_type=take("sample_type"),
        assay_type=take("assay_type"),
        quality=quality,
        quantity=quantity,
    )


def read_biomark(path: str | Path) -> pd.DataFrame:
    """Read one Biomark "Table Results" export.

    Parameters
    ----------
    path : path
        CSV with comma, semicolon or tab; decimal point or comma; header of any version of the software.

    Returns
    -------
    DataFrame
        One row a chamber, in file order: sample, sample_type, assay, assay_type (text as in the export), ct (cycles;
        NaN where there is none), state, quality (0 to 1), well ("S01-A01": sample inlet, assay inlet), chip (file name
        without suffix), file (file name), row (1-based line), task and quantity (see `instruments.read_ct`). `state` is
        "detected" (call Pass with a Ct), "not detected" (Ct 999) or "untrusted" (call Fail with a Ct, which is kept).

    Raises
    ------
    RawDataError
        The file is missing, another export, damaged, or does not hold every chamber of the chip exactly once.
    """
    path = Path(path)
    return parse_biomark(decode(read_bytes(path), path.name), Source(path.name, path.stem))
