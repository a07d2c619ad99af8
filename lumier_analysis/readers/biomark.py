"""Biomark "Table Results": one CSV a chip, one row a chamber.

Three stacked header lines name the columns, since "Name" and "Type" stand twice (sample, assay) and "Value" may stand
for Ct and for Tm. Their position differs between versions of the software, so they are found by content.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.decode import decode, read_bytes, records

#: Ct that the instrument's software writes where there is none.
NO_CT = 999.0
#: Sample inlets x assay inlets of the chips in use.
_CHIPS = ((48, 48), (96, 96), (192, 24), (24, 192))
_CHIP_TYPE = re.compile(r"\b(\d{2,3})\.(\d{2,3})\s*\(")
_WELL = re.compile(r"S(\d+)-A(\d+)")


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
            found=f"first line '{_shown(rows[0][1])}'",
            fix="export the chip as Table Results (*.csv)",
        )
    header = [h.strip() for h in rows[at][1]]
    groups = [g.strip() for g in rows[at - 1][1]] if at else []
    if len(groups) != len(header) or "Ct" not in groups:
        raise RawDataError(
            f"{name} has lost the header lines above 'ID', which tell its columns apart",
            found=f"'{_shown(rows[at - 1][1])}'" if at else "no line above",
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
    return at, columns


def _only(found: list[int], name: str, what: str) -> int:
    if len(found) == 1:
        return found[0]
    raise RawDataError(
        f"{name} has {'no column' if not found else 'more than one column'} '{what}'",
        found=f"columns {', '.join(str(i + 1) for i in found)}" if found else None,
        fix="export the chip as Table Results (*.csv), one probe a file",
    )


def _shown(fields: list[str]) -> str:
    text = ",".join(fields)
    return text if len(text) <= 60 else text[:57] + "..."


def _expected(rows: list[tuple[int, list[str]]], wells: list[tuple[int, int]]) -> tuple[int, int]:
    """Return the sample and assay inlets of the chip: as its first line says, else the smallest chip that has them."""
    for _, fields in rows:
        if fields[0].strip() == "Chip Run Info":
            for field in fields:
                if declared := _CHIP_TYPE.search(field):
                    return int(declared[1]), int(declared[2])
    samples, assays = max(w[0] for w in wells), max(w[1] for w in wells)
    fitting = [c for c in _CHIPS if c[0] >= samples and c[1] >= assays]
    return fitting[0] if fitting else (samples, assays)


def _numbers(text: list[str], lines: list[int], name: str, what: str) -> np.ndarray:
    """Read a column of numbers, with point or comma as decimal mark."""
    values = pd.to_numeric(pd.Series(text, dtype="str").str.replace(",", "."), errors="coerce").to_numpy(
        dtype="float64"
    )
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise RawDataError(
            f"{name} has a {what} that is no number",
            found=f"'{text[bad[0]]}' on line {lines[bad[0]]}",
            fix="export the chip again",
        )
    return values


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
        without suffix), file (file name), row (1-based line). `state` is "detected" (call Pass with a Ct),
        "not detected" (Ct 999) or "untrusted" (call Fail with a Ct, which is kept).

    Raises
    ------
    RawDataError
        The file is missing, another export, damaged, or does not hold every chamber of the chip exactly once.
    """
    path = Path(path)
    name = path.name
    text = decode(read_bytes(path), name)
    header_line = next((line for line in text.splitlines() if re.match(r"\W?ID\W?[,;\t]", line)), "ID,")
    separator = next(s for s in header_line if s in ",;\t")
    rows = list(records(text, name, separator))
    if not rows:
        raise RawDataError(f"{name} is no Biomark 'Table Results' export: it is blank", fix="export the chip again")
    at, column = _layout(rows, name)
    width, body = len(rows[at][1]), rows[at + 1 :]

    whole = [(line, fields) for line, fields in body if len(fields) == width and _WELL.fullmatch(fields[0].strip())]
    if not whole:
        raise RawDataError(f"{name} holds no chamber below its header", fix="export the chip again")
    lines = [line for line, _ in whole]
    wells = [fields[0].strip() for _, fields in whole]
    inlets = [(int(m[1]), int(m[2])) for w in wells if (m := _WELL.fullmatch(w))]
    n_samples, n_assays = _expected(rows[:at], inlets)
    count = f"{len(whole):,} chambers instead of {n_samples * n_assays:,} ({n_samples} samples x {n_assays} assays)"
    if len(whole) < len(body):
        kept = set(lines)
        line, fields = next((line, fields) for line, fields in body if line not in kept)
        raise RawDataError(
            f"{name} is cut or damaged: line {line} is no whole chamber",
            found=f"{len(fields)} fields instead of {width} ('{_shown(fields)}'), and {count}",
            fix="export the chip again",
        )
    places = set(inlets)
    grid = {(s, a) for s in range(1, n_samples + 1) for a in range(1, n_assays + 1)}
    if len(places) < len(inlets) or places != grid:
        raise RawDataError(
            f"{name} is cut or damaged: it does not hold every chamber of the chip once",
            found=count if len(whole) != len(grid) else f"{count}, {len(inlets) - len(places)} of them twice",
            fix="export the whole chip again",
        )

    def take(what: str) -> list[str]:
        return [fields[column[what]].strip() for _, fields in whole]

    ct, quality = _numbers(take("ct"), lines, name, "Ct"), _numbers(take("quality"), lines, name, "quality")
    call = np.array(take("call"))
    strange = np.flatnonzero(~np.isin(call, ["Pass", "Fail"]))
    if strange.size:
        raise RawDataError(
            f"{name} has a call that is neither Pass nor Fail",
            found=f"'{call[strange[0]]}' on line {lines[strange[0]]}",
        )
    none = ct == NO_CT
    state = np.select([none, call == "Pass"], ["not detected", "detected"], "untrusted")
    frame = pd.DataFrame(
        {what: pd.Series(take(what), dtype="str") for what in ("sample", "sample_type", "assay", "assay_type")}
    )
    frame["ct"] = np.where(none, np.nan, ct)
    frame["state"] = pd.Series(state, dtype="str")
    frame["quality"] = quality
    frame["well"] = pd.Series(wells, dtype="str")
    frame["chip"] = pd.Series(path.stem, index=frame.index, dtype="str")
    frame["file"] = pd.Series(name, index=frame.index, dtype="str")
    frame["row"] = pd.Series(lines, dtype="int64")
    return frame
