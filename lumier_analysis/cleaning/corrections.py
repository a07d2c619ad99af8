"""Corrections: raw values changed only through a signed-off ``corrections.csv``, all of it or none.

The raw files are never changed: a correction replaces a value after reading, is refused unless the old value still
stands there, and leaves its mark on the row and a line in the log.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

import pandas as pd

from lumier_analysis.cleaning.correct_value import Refused, read_day, same_value, written
from lumier_analysis.cleaning.identifiers import content_kinds
from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import read_delimited
from lumier_analysis.study import Study
from lumier_analysis.study.export_sections import TableSpec
from lumier_analysis.study.plan import Plan

FILE = "corrections.csv"
COLUMNS = ("table", "patient", "visit", "row", "field", "old value", "new value", "who", "when", "why")
#: `row` picks one of several rows and may be empty, as may `visit` in a table without visits, and either value.
_NEEDED = ("table", "field", "who", "when", "why")
LOG_COLUMNS = ("line", *COLUMNS, "source file", "source row")
TEMPLATE = (
    ";".join(COLUMNS) + " and below it, for example, "
    "visits;01-003;M6;;c3;102;1.02;data manager;2021-03-01;value in mg/dL, source document seen"
)


@dataclass(frozen=True, eq=False)
class Corrections:
    """Corrections that were applied.

    Attributes
    ----------
    log : DataFrame
        One row a correction, `LOG_COLUMNS`: its line in ``corrections.csv``, what it says, and the raw row it changed.
    """

    log: pd.DataFrame

    def mark(self, table: pd.DataFrame, spec: TableSpec) -> pd.DataFrame:
        """Add ``corrected`` to a canonical table: fields changed in the row and their line, as ``c3 (line 2)``."""
        names = {column.source: name for name, column in spec.columns.items()}
        marks: dict[tuple[str, int], list[str]] = {}
        for entry in _entries(self.log):
            field = names.get(entry["field"], entry["field"])
            marks.setdefault((entry["source file"], int(entry["source row"])), []).append(
                f"{field} (line {entry['line']})"
            )
        keys = zip(table["source_file"], table["source_row"], strict=True)
        text = ["; ".join(marks.get((str(file), int(row)), [])) for file, row in keys]
        return table.assign(corrected=pd.array(text, dtype="string"))


@dataclass(frozen=True, eq=False)
class SignedOff:
    """The lines of ``corrections.csv``, checked by themselves; `apply` holds them against the raw files."""

    lines: pd.DataFrame

    def apply(self, content: dict[str, pd.DataFrame], plan: Plan) -> Corrections:
        """Apply every correction to the raw rows in `content` (which get new values), or none.

        Raises
        ------
        RawDataError
            A correction names no row or several, or its old value no longer stands there. Lines are named, values are
            not.
        """
        changed = {key: rows.copy() for key, rows in content.items()} if len(self.lines) else {}
        log, refused = [], []
        for entry in _entries(self.lines):
            try:
                log.append(_apply(entry, changed, plan))
            except Refused as reason:
                refused.append(f"line {entry['line']}: {reason}")
        _stop(refused, len(self.lines))
        content.update(changed)
        return Corrections(pd.DataFrame(log, columns=list(LOG_COLUMNS)))


def _stop(refused: list[str], total: int) -> None:
    """Raise what was refused, the first few lines of it."""
    if not refused:
        return
    more = f", and {len(refused) - 5} more" if len(refused) > 5 else ""
    raise RawDataError(
        f"{len(refused)} of {total} corrections in {FILE} cannot be applied, so none is",
        found="; ".join(refused[:5]) + more,
        fix=f"correct or remove these lines; the columns of {FILE} are {TEMPLATE}",
    )


def read_corrections(study: Study, today: datetime.date | None = None) -> SignedOff:
    """Read and check ``data/<study>/corrections.csv``; a study without one has no corrections.

    Parameters
    ----------
    study : Study
    today : date, optional
        A signature later than this is refused; the present day by default.

    Raises
    ------
    RawDataError
        Missing or unknown columns; a line without who, when or why, dated in the future, or with an identifier.
    """
    path = study.folder / FILE
    if not path.is_file():
        return SignedOff(pd.DataFrame(columns=["line", *COLUMNS]))
    raw = read_delimited(path)
    given = {c: re.sub(r"[ _]+", " ", str(c).strip().lower()) for c in raw.columns if not str(c).startswith("__")}
    missing = [c for c in COLUMNS if c not in given.values() and c not in ("visit", "row")]
    unknown = sorted(set(given.values()) - set(COLUMNS))
    if missing or unknown:
        raise RawDataError(
            f"The columns of {FILE} are not those of corrections",
            found="; ".join(
                part for part in (missing and f"no {', '.join(missing)}", unknown and f"{len(unknown)} unknown") if part
            ),
            fix=f"its first line is {TEMPLATE}",
        )
    lines = raw.rename(columns=given | {"__row__": "line"}).reindex(columns=["line", *COLUMNS]).fillna("")
    for column in COLUMNS:
        lines[column] = lines[column].astype("str").str.strip()
    today = today or datetime.date.today()
    refused = [f"line {entry['line']}: {why}" for entry in _entries(lines) if (why := _unsigned(entry, today))]
    _stop(refused, len(lines))
    return SignedOff(lines)


def _entries(lines: pd.DataFrame) -> list[dict[str, str]]:
    """Return the lines of a table as dictionaries of text."""
    return [{str(name): str(value) for name, value in line.items()} for line in lines.to_dict("records")]


def _unsigned(entry: dict[str, str], today: datetime.date) -> str:
    """Return why a line is no signed-off correction, or an empty string."""
    if empty := [c for c in _NEEDED if not entry[c]]:
        return f"without {' and '.join(empty)}"
    if not entry["patient"] and not entry["row"]:
        return "without patient or row"
    if (day := read_day(entry["when"])) is None:
        return "`when` is no date such as 2021-03-01 or 01/03/2021"
    if day > today:
        return "dated in the future"
    if content_kinds(pd.Series([entry["old value"], entry["new value"], entry["patient"]])):
        return "a value that identifies a person"
    if entry["old value"] == entry["new value"]:
        return "old and new value are the same"
    return ""


def _table_of(name: str, content: dict[str, pd.DataFrame], plan: Plan) -> tuple[str, TableSpec]:
    """Return the canonical table that a correction names, by table, by file key or by file name."""
    tables = {table: spec for table, spec in plan.tables if spec is not None}
    if name in tables:
        return name, tables[name]
    own = {
        table: spec
        for table, spec in tables.items()
        if name == spec.file or name in set(content[spec.file]["__file__"].unique())
    }
    if len(own) == 1:
        return next(iter(own.items()))
    if own:
        raise Refused(f"the file makes several tables, {', '.join(own)}: write one of them")
    raise Refused(f"no such table or file; tables are {', '.join(tables)}")


def _rows(entry: dict[str, str], raw: pd.DataFrame, spec: TableSpec) -> pd.Series:
    """Return which raw rows a correction names."""
    keep = pd.Series(True, index=raw.index)
    for column, allowed in spec.where.items():
        keep &= raw[column].isin(allowed)
    for key, name in (("patient", "patient_id"), ("visit", "visit")):
        if not entry[key]:
            continue
        if name not in spec.columns:
            raise Refused(f"the table has no {key}; name the row by its line instead")
        text = raw[spec.columns[name].source].astype("str").str.strip()
        codes = spec.columns[name].values or {}
        keep &= (text == entry[key]) | (text.map(lambda t, codes=codes: codes.get(t, "")) == entry[key])
    if entry["row"]:
        keep &= raw["__row__"].astype("str") == entry["row"]
    return keep


def _apply(entry: dict[str, str], content: dict[str, pd.DataFrame], plan: Plan) -> dict[str, str]:
    """Apply one correction to the raw rows and return its line of the log."""
    table, spec = _table_of(entry["table"], content, plan)
    raw, file = content[spec.file], plan.files[spec.file]
    column = spec.columns.get(entry["field"])
    source = column.source if column else entry["field"]
    if source not in raw.columns or source.startswith("__"):
        raise Refused(f"the table {table} has no such field")
    column = column or next((c for c in spec.columns.values() if c.source == source), None)
    rows = raw.index[_rows(entry, raw, spec)]
    if len(rows) != 1:
        what = "no row" if not len(rows) else f"{len(rows)} rows"
        way = "look at table, patient and visit" if not len(rows) else "say which in the column `row`, a line number"
        raise Refused(f"it names {what}: {way}")
    label = rows[0]
    before = str(raw.at[label, source])
    if not same_value(entry["old value"], before, column, file):
        raise Refused("the old value no longer stands in the raw file")
    after = written(entry["new value"], column, file, raw[source].astype("str"))
    raw.at[label, source] = after
    place = {"source file": str(raw.at[label, "__file__"]), "source row": str(raw.at[label, "__row__"])}
    return entry | {"field": source, "old value": before, "new value": after} | place
