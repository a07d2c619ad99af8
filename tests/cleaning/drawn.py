"""Reads the tables of drawn patients in docs/definitions: what stands in bold columns is expected."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import yaml

from lumier_analysis.cleaning.sledai import WEIGHTS

UNKNOWN = "?"


@dataclass
class Drawn:
    """One patient of one table: rows of cells, the columns that are expected, the rules set above the table."""

    page: str
    patient: str
    rows: list[dict[str, str]]
    expected: list[str]
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def columns(self) -> set[str]:
        return set(self.rows[0])

    def __str__(self) -> str:
        changed = ", ".join(f"{k.split('.')[-1]} {v}" for k, v in self.settings.items())
        return f"{self.page}: {self.patient}" + (f" ({changed})" if changed else "")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def drawn_patients(path: Path) -> list[Drawn]:
    """Return the patients of every table of a page whose first column is headed "patient"."""
    found: list[Drawn] = []
    settings: dict[str, object] = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        if lines[at].startswith("```yaml"):
            end = lines.index("```", at)
            settings = yaml.safe_load("\n".join(lines[at + 1 : end]))
            at = end
        elif lines[at].startswith("| patient |"):
            header = _cells(lines[at])
            expected = [name.strip("*") for name in header if name.startswith("**")]
            names = [name.strip("*") for name in header]
            at += 2
            while at < len(lines) and lines[at].startswith("|"):
                cells = _cells(lines[at])
                assert len(cells) == len(names), f"{path.name}, line {at + 1}: {len(cells)} cells, {len(names)} columns"
                row = dict(zip(names, cells, strict=True))
                if row["patient"]:
                    found.append(Drawn(path.stem, row["patient"], [], expected, settings))
                found[-1].rows.append(row)
                at += 1
            settings = {}
            continue
        at += 1
    return found


def listed(text: str) -> list[str]:
    """Return the names of a cell such as "rash, fever"; "none" is none."""
    return [] if text in ("", "none") else re.split(r",\s*", text)


def number(text: str) -> float | None:
    return None if text in ("", UNKNOWN) else float(text)


def yes(text: str) -> bool | None:
    return {"yes": True, "no": False, "": False, UNKNOWN: None}[text]


def items_of(rows: list[dict[str, str]]) -> pd.DataFrame:
    """Return the 24 descriptors of each row: those listed as present, those not filled in, the rest absent."""
    table = pd.DataFrame([dict.fromkeys(WEIGHTS, False) for _ in rows]).astype("boolean")
    for i, row in enumerate(rows):
        for column, value in (("present", True), ("not filled in", pd.NA)):
            for name in listed(row.get(column, "")):
                assert name in WEIGHTS, f"{name} is no descriptor"
                table.loc[i, name] = value
    return table


def numbers(rows: list[dict[str, str]], column: str) -> pd.Series:
    return pd.Series([number(row[column]) for row in rows], dtype="Float64")


def flags(rows: list[dict[str, str]], column: str) -> pd.Series:
    return pd.Series([yes(row[column]) for row in rows], dtype="boolean")


def said(value: object) -> str:
    """Write a computed value as a cell does."""
    if pd.isna(value):  # type: ignore[call-overload]
        return UNKNOWN
    if isinstance(value, str):
        return value
    if value in (True, False) and type(value).__name__.startswith("bool"):
        return "yes" if value else "no"
    return f"{float(value):g}"  # type: ignore[arg-type]


def check(drawn: Drawn, computed: dict[str, list[object]]) -> None:
    """Compare every expected column, and say patient, line and column of each difference."""
    assert set(computed) == set(drawn.expected), f"{drawn}: {sorted(set(computed) ^ set(drawn.expected))} not compared"
    wrong = []
    for column in drawn.expected:
        for i, (row, value) in enumerate(zip(drawn.rows, computed[column], strict=True)):
            if row[column] != said(value):
                place = row.get("record") or (f"day {row['day']}" if "day" in row else f"line {i + 1}")
                page = row[column] or "(blank)"
                wrong.append(f"{drawn.patient}, {place}, {column}: the page says {page}, computed {said(value)}")
    assert not wrong, f"{drawn.page}.md\n" + "\n".join(wrong)
