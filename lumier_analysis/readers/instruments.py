"""Read a PCR export whichever instrument wrote it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import recognise as kinds
from lumier_analysis.readers.archive import Archive
from lumier_analysis.readers.biomark import parse_biomark
from lumier_analysis.readers.cfx import parse_cfx
from lumier_analysis.readers.decode import decode, read_bytes
from lumier_analysis.readers.lightcycler import parse_lightcycler
from lumier_analysis.readers.quantstudio import parse_quantstudio
from lumier_analysis.readers.rdml import MEMBER, parse_rdml
from lumier_analysis.readers.reactions import Source
from lumier_analysis.readers.recognise import recognise_bytes, recognise_text
from lumier_analysis.readers.sds import parse_sds
from lumier_analysis.readers.spreadsheet import sheet_texts

_PARSERS: dict[str, Callable[[str, Source], pd.DataFrame]] = {
    kinds.BIOMARK: parse_biomark,
    # Other Biomark exports go to the same reader: it knows best what to say about them.
    kinds.OTHER_BIOMARK: parse_biomark,
    kinds.QUANTSTUDIO: parse_quantstudio,
    kinds.STEPONE: parse_quantstudio,
    kinds.DESIGN: parse_quantstudio,
    kinds.SDS: parse_sds,
    kinds.CFX: parse_cfx,
    kinds.LIGHTCYCLER: parse_lightcycler,
}
_READ = (
    "Biomark Table Results, QuantStudio, ViiA 7, StepOne, Design & Analysis, SDS 2, CFX Cq Results, LightCycler 480 or "
    "RDML"
)
_WAYS_OUT = {
    "an old spreadsheet (.xls)": "open it in a spreadsheet program and save it as .xlsx, or export it as text",
    "an experiment file of the instrument (.eds)": "export its results as text or .xlsx from the instrument's software",
}


def read_ct(path: str | Path, *, rows: int | None = None) -> pd.DataFrame:
    """Read the reactions of a PCR export; its format is recognised from its content, never from its name.

    Parameters
    ----------
    path : path
        Biomark "Table Results", a text export of QuantStudio, ViiA 7, StepOne, 7500, SDS 2.x, CFX ("Quantification Cq
        Results") or LightCycler 480, any of these as .xlsx, a Design & Analysis .xlsx, or RDML 1.0 to 1.4. Text in any
        usual encoding, with any line end, separator and decimal mark.
    rows : int, optional
        Number of reactions that the file must hold. For formats that do not show by themselves that they are whole.

    Returns
    -------
    DataFrame
        One row a reaction, in file order. sample, sample_type, assay, assay_type (text; blank where the export says
        nothing); ct (cycles; NaN where there is none); state; quality (0 to 1; NaN where the instrument gives none);
        well, chip (file name without suffix, with the plate or run where a file holds several); file; row (line, or row
        of the sheet); task (unknown, ntc, standard, nac, nrt, ntp, positive, negative, calibrator, optical, other);
        quantity (known amount of a standard, NaN for anything else).

        `state` is "detected" (a Ct that the instrument trusts), "not detected" (it found no amplification), or
        "untrusted": a Ct that failed the instrument's own quality call, an omitted well, or a blank that says nothing;
        a Ct is kept.

        ``attrs["length_unproven"]`` maps the file to a reason where nothing in it shows that no row is missing (a CFX
        export, or bare QuantStudio results, of a part of a plate) and `rows` was not given.

    Raises
    ------
    RawDataError
        The file is missing, damaged, cut, dangerous (a zip or XML bomb), or in a format that is not read; the message
        says what was seen.
    """
    path = Path(path)
    content, name = read_bytes(path), path.name
    source = Source(name, path.stem, rows=rows)
    seen = recognise_bytes(content, name)
    if seen in _PARSERS:
        return _PARSERS[seen](decode(content, name), source)
    whole = Source(name, path.stem, whole=True, rows=rows)
    if seen == kinds.RDML:
        return parse_rdml(content, whole)
    if seen == kinds.ZIPPED_RDML:
        archive = Archive(content, name)
        return parse_rdml(archive.read(next(m for m in archive.members if m.split("/")[-1] == MEMBER)), whole)
    if seen == kinds.WORKBOOK:
        return _read_workbook(content, whole)
    raise _refusal(name, _described(content, name) if seen == kinds.UNKNOWN else seen, _WAYS_OUT.get(seen))


def _read_workbook(content: bytes, source: Source) -> pd.DataFrame:
    sheets = {title: (text, recognise_text(text)) for title, text in sheet_texts(content, source.name).items()}
    known = {title: found for title, found in sheets.items() if found[1] in _PARSERS}
    if not known:
        raise _refusal(source.name, f"a workbook without results of a known instrument ({len(sheets)} sheets)", None)
    # Applied Biosystems put the settings above the table on several sheets; the results are on the one that says so.
    chosen = next((t for t in known if t.strip().casefold() == "results"), None)
    if chosen is None and len(known) > 1:
        raise RawDataError(
            f"{source.name} holds more than one sheet of results",
            found=f"{len(known)} sheets, none of them named Results",
            fix="keep one sheet of results, or name it Results",
        )
    text, kind = known[chosen or next(iter(known))]
    return _PARSERS[kind](text, source)


def _described(content: bytes, name: str) -> str:
    """Say what an unknown file looks like, without showing what it holds: it may be a table of patients."""
    text = decode(content, name)
    if text.lstrip().startswith("<"):
        return "a web page or XML of another kind"
    first = next((line for line in text.splitlines() if line.strip()), "")
    counts = {word: first.count(sign) for word, sign in (("semicolons", ";"), ("commas", ","), ("tabs", "\t"))}
    word = max(counts, key=lambda w: counts[w])
    columns = f"{counts[word] + 1} columns separated by {word}" if counts[word] else "no columns"
    return f"text with {columns} on its first line, and no header of a known instrument"


def _refusal(name: str, seen: str, fix: str | None) -> RawDataError:
    return RawDataError(f"{name} is no PCR export that can be read here", found=seen, fix=fix or f"give {_READ}")
