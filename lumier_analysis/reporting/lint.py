"""The last look at reports/: no patient, no sample, no small count in any file that may leave the house."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lumier_analysis.errors import DisclosureError
from lumier_analysis.reporting.disclosure import SUPPRESSION_THRESHOLD
from lumier_analysis.study import COHORTS, Study

TEXT = {".csv", ".html", ".ipynb", ".json", ".md", ".svg", ".txt"}
PICTURES = {".png", ".pdf", ".tiff", ".docx"}
_IMAGE_KEYS = {"image/png", "image/jpeg", "application/pdf"}
_DATA_URI = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]+")
_COUNT_COLUMN = re.compile(r"n|n_\w+|count|patients|visits|landmarks|events|flares", re.IGNORECASE)
#: Tags around a number: it may be a link.
_TAGS = r"(?:\s*</?(?:a|span)\b[^>]*>)*\s*"
_COUNT_CELL = re.compile(rf'<td[^>]*class="[^"]*\bcount\b[^"]*"[^>]*>{_TAGS}(\d+){_TAGS}</td>')
_COUNT_PERCENT = re.compile(r"(?<![\w.\u202f])(?<!\d )(\d+) \(\d+(?:\.\d+)? %\)")
_COUNT_HEADING = re.compile(rf"\(n ={_TAGS}(\d+){_TAGS}\)")
_ID_COLUMNS = ("patient_id", "sample_id")
_ID_HEADING = re.compile(rf"<th[^>]*>\s*(?:{'|'.join(_ID_COLUMNS)})\s*</th>")
_WORD = re.compile(r"[A-Za-z0-9]+")
#: What stands on either side of a number that fills a cell or a string; nothing at the ends of the text.
_BEFORE_NUMBER = frozenset({"", "\n", ">", '"', "'", ",", ";", "\t"})
_AFTER_NUMBER = frozenset({"", "\n", "<", '"', "'", ",", ";", "\t"})
_SHORTEST_NUMBER = 4  # digits; a shorter identifier cannot be told from a count, so its column is looked for instead


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that must not be shown: file (below the folder), line, what."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file} line {self.line}: {self.what}"


def study_identifiers(study: Study) -> set[str]:
    """Return every patient and sample identifier of a study, those of excluded patients included."""
    found: set[str] = set()
    for cohort in COHORTS:
        for table in ("patients", "visits", "samples", "landmarks"):
            if not study.closed(table, cohort) and study.has(table, cohort):
                frame = study.read(table, cohort)
                for column in ("patient_id", "sample_id"):
                    if column in frame.columns:
                        found |= set(frame[column].dropna().astype(str))
    queries = study.analysis / "queries.csv"
    if queries.is_file():
        frame = pd.read_csv(queries, sep=";", encoding="utf-8-sig", dtype=str)
        if "patient_id" in frame.columns:
            found |= set(frame["patient_id"].dropna())
    return {name.strip() for name in found if name.strip()}


def _places(identifiers: Iterable[str]) -> Callable[[str], Iterator[int]]:
    """Return a function that yields where a text shows a whole identifier.

    A plain number counts only where it fills a cell or a string; one of fewer than `_SHORTEST_NUMBER` digits is left
    out: 27 events would pass for patient 27. Words of the text are looked up by what an identifier begins with, as
    thousands of identifiers tried at every place of it would take seconds.
    """
    heads: dict[str, list[str]] = {}
    others = []
    for name in sorted(set(identifiers)):
        head = _WORD.match(name)
        if head is None:
            others.append(re.escape(name))
        elif not name.isdigit() or len(name) >= _SHORTEST_NUMBER:
            heads.setdefault(head.group(), []).append(name)
    strange = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(others)})(?![A-Za-z0-9])") if others else None

    def places(text: str) -> Iterator[int]:
        for word in _WORD.finditer(text):
            for name in heads.get(word.group(), ()):
                start, end = word.start(), word.start() + len(name)
                before, after = text[start - 1 : start], text[end : end + 1]
                if not text.startswith(name, start) or _WORD.match(after):
                    continue
                if not name.isdigit() or (before in _BEFORE_NUMBER and after in _AFTER_NUMBER):
                    yield start
        for match in strange.finditer(text) if strange else ():
            yield match.start()

    return places


def _strings(content: Any) -> Iterator[str]:
    """Yield every text of a notebook but its pictures and cell ids."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        if content and all(isinstance(item, str) for item in content):
            yield "".join(content)
        else:
            for item in content:
                yield from _strings(item)
    elif isinstance(content, dict):
        for key, item in content.items():
            if key not in _IMAGE_KEYS and key != "id":
                yield from _strings(item)


def _small_counts(text: str, suffix: str, threshold: int) -> Iterator[tuple[int, str]]:
    """Yield line and description of each small count: CSV count column, HTML cell of class count, ``3 (2 %)``."""
    if suffix == ".csv":
        rows = list(csv.reader(io.StringIO(text)))
        columns = [i for i, name in enumerate(rows[0]) if _COUNT_COLUMN.fullmatch(name.strip())] if rows else []
        for line, row in enumerate(rows[1:], start=2):
            for i in columns:
                if i < len(row) and re.fullmatch(r"\d+(\.0)?", row[i].strip()) and 0 < float(row[i]) < threshold:
                    yield line, f"a count below {threshold} in column {rows[0][i]}"
    if suffix in {".html", ".ipynb"}:
        for match in _COUNT_CELL.finditer(text):
            if 0 < int(match.group(1)) < threshold:
                yield text.count("\n", 0, match.start()) + 1, f"a count below {threshold} in a table cell"
    if suffix in {".csv", ".html", ".ipynb"}:
        for kind, pattern in (("before its percentage", _COUNT_PERCENT), ("in a heading", _COUNT_HEADING)):
            for match in pattern.finditer(text):
                if 0 < int(match.group(1)) < threshold:
                    yield text.count("\n", 0, match.start()) + 1, f"a count below {threshold} {kind}"


def _identifier_columns(text: str, suffix: str) -> Iterator[tuple[int, str]]:
    """Yield line and description of each table with a column of identifiers."""
    if suffix == ".csv":
        head = next(csv.reader(io.StringIO(text)), [])
        if {name.strip() for name in head} & set(_ID_COLUMNS):
            yield 1, "a table with a row for each patient or sample"
    if suffix in {".html", ".ipynb"}:
        for match in _ID_HEADING.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, "a table with a row for each patient or sample"


def _lint_file(path: Path, name: str, places: Callable[[str], Iterator[int]], threshold: int) -> Iterator[Finding]:
    """Yield the findings of one file."""
    suffix = path.suffix.lower()
    if suffix in PICTURES:
        return
    if suffix not in TEXT:
        yield Finding(name, 0, f"a file of type {suffix or 'unknown'}, which cannot be checked, is not allowed here")
        return
    try:
        yield from _lint_text(path.read_text(encoding="utf-8"), name, suffix, places, threshold)
    except ValueError:
        yield Finding(name, 0, "cannot be read as UTF-8 text of its type")


def _lint_text(
    text: str, name: str, suffix: str, places: Callable[[str], Iterator[int]], threshold: int
) -> Iterator[Finding]:
    """Yield the findings of one text."""
    for block in list(_strings(json.loads(text))) if suffix == ".ipynb" else [text]:
        clean = _DATA_URI.sub("data:", block)
        for start in places(clean):
            # The identifier itself is not repeated: messages end up in logs.
            yield Finding(name, clean.count("\n", 0, start) + 1, "a patient or sample identifier")
        for line, what in (*_identifier_columns(clean, suffix), *_small_counts(clean, suffix, threshold)):
            yield Finding(name, line, what)


def lint_reports(
    folder: Path,
    identifiers: Iterable[str],
    *,
    texts: Mapping[str, str] | None = None,
    threshold: int = SUPPRESSION_THRESHOLD,
    stop: bool = True,
) -> list[Finding]:
    """Search every file below a folder for identifiers, small counts and files that cannot be checked.

    Parameters
    ----------
    folder : Path
        ``reports/<study>``.
    identifiers : iterable of str
        Patient and sample identifiers (see `study_identifiers`).
    texts : mapping, optional
        File name -> text that is about to be written there, checked in place of the file.
    threshold : int
        Counts from 1 to threshold - 1 are small.
    stop : bool
        Raise where anything is found (default), or return it.

    Returns
    -------
    list of Finding
        Empty if `stop`.

    Raises
    ------
    DisclosureError
        Something was found and `stop`.
    """
    folder = Path(folder)
    places = _places(identifiers)
    findings: list[Finding] = []
    for name, text in (texts or {}).items():
        findings += _lint_text(text, name, Path(name).suffix, places, threshold)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in (texts or {}):
            findings += _lint_file(path, name, places, threshold)
    if findings and stop:
        files = sorted({finding.file for finding in findings})
        raise DisclosureError(
            f"The folder {folder.name}/ would show what must stay in the house",
            found=f"{len(findings)} places in {len(files)} files, first {findings[0]}",
            fix="take patient-level rows and small counts out of the notebook that writes it",
        )
    return findings
