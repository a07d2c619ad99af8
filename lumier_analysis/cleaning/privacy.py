"""The privacy gate: identifying columns are removed if the plan lists them, and stop the run if it does not.

Messages name columns and counts, never a value; a column whose name is itself a person's is called by its position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from lumier_analysis.cleaning.birth import holds_birth_dates, is_date_column
from lumier_analysis.cleaning.identifiers import (
    content_identifier,
    content_kinds,
    named_identifier,
    names_birth,
    names_initials,
    only_partial_dates,
    only_yes_no,
)
from lumier_analysis.errors import PrivacyError
from lumier_analysis.study.plan import Plan

__all__ = [
    "Finding",
    "content_identifier",
    "free_text_columns",
    "named_identifier",
    "refuse",
    "remove_identifiers",
    "scan_columns",
    "scan_sample_names",
]

#: Text columns that are keys, not free text: the only ones that reach the analysis tables.
KEY_COLUMNS = frozenset(
    ["patient_id", "sample_id", "centre", "cohort", "visit", "chip", "inlet", "event", "instance", "tube"]
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A column that identifies people: its file (key of the plan), its name or position, why, and the way out."""

    file: str
    column: str
    why: str
    droppable: bool = True
    clearable: bool = False


def _why(column: str, values: pd.Series, cleared: bool, inclusion: pd.Series | float | None) -> tuple[str, bool]:
    """Return why a column identifies people (empty if not), and whether the plan may clear it."""
    kinds = content_kinds(values)
    if strong := [kind for kind in kinds if not kind.clearable]:
        return f"looks like {strong[0].name}", False
    if names_birth(column) and is_date_column(values):
        return "full dates, and its name says birth", False
    if names_initials(column) and values.dropna().astype(str).str.fullmatch(r"\s*(?:[^\W\d_][ .-]*){3,}\s*").any():
        return "initials of more than two letters", False
    if cleared:
        return "", False
    if named_identifier(column):
        # Whether one may be phoned, or the year of birth, identifies no one.
        harmless = only_yes_no(values) or (names_birth(column) and only_partial_dates(values))
        if not harmless:
            return "by its name", True
    if kinds:
        return f"looks like {kinds[0].name}", True
    if holds_birth_dates(values, inclusion):
        return "looks like dates of birth: most lie 18 years or more before inclusion", True
    return "", False


def scan_columns(
    rows: pd.DataFrame,
    file: str,
    *,
    cleared: Mapping[str, str] | None = None,
    inclusion: pd.Series | float | None = None,
) -> list[Finding]:
    """Return the columns of a file that identify people, by their name or by their content.

    Parameters
    ----------
    rows : DataFrame of str
        Columns that begin with ``__`` are ours and are passed over.
    file : str
        The file's key in the plan.
    cleared : mapping
        ``privacy.not_identifying`` of this file.
    inclusion : Series or float, optional
        Decimal years of inclusion, see `holds_birth_dates`.
    """
    found = []
    for position, column in enumerate(map(str, rows.columns), start=1):
        if column.startswith("__"):
            continue
        if content_kinds([column], sample_names=True):
            # The first line of the file is a person's, not a header.
            found.append(Finding(file, f"column {position}", "its heading identifies a person", droppable=False))
            continue
        why, clearable = _why(column, rows[column], column in (cleared or {}), inclusion)
        if why:
            found.append(Finding(file, column, why, clearable=clearable))
    return found


def scan_sample_names(names: pd.Series, file: str) -> list[Finding]:
    """Return what the sample names of an instrument export give away."""
    kinds = [kind for kind in content_kinds(names.drop_duplicates(), sample_names=True) if not kind.clearable]
    return [Finding(file, "sample names", f"look like {kind.name}", droppable=False) for kind in kinds[:1]]


def refuse(findings: Sequence[Finding]) -> None:
    """Stop the run if anything was found.

    Raises
    ------
    PrivacyError
        Names the columns, why each, and what to type; echoes no value.
    """
    if not findings:
        return
    files = list(dict.fromkeys(f.file for f in findings))
    shown = "; ".join(f"{f.column} ({f.why})" + (f" in '{f.file}'" if len(files) > 1 else "") for f in findings)
    fixes = []
    drop = {file: [f.column for f in findings if f.file == file and f.droppable] for file in files}
    if listed := ", ".join(f"{file}: [{', '.join(columns)}]" for file, columns in drop.items() if columns):
        fixes.append(f"delete the columns from the export, or list them in the plan, privacy: {{drop: {{{listed}}}}}; ")
    if rest := [f for f in findings if not f.droppable]:
        places = " and ".join(dict.fromkeys(f"'{f.file}', {f.column}" for f in rest))
        fixes.append(f"put study codes in place of persons in the export ({places}); ")
    if clearable := [f for f in findings if f.clearable]:
        first = clearable[0]
        fixes.append(
            f"where {first.column} identifies no one, say so and why, "
            f'privacy: {{not_identifying: {{{first.file}: {{{first.column}: "the reason"}}}}}}'
        )
    word = "file" if len(files) == 1 else "files"
    raise PrivacyError(
        f"The raw {word} {', '.join(repr(f) for f in files)} {'holds' if len(files) == 1 else 'hold'} directly "
        "identifying data, so the run stops before anything is written",
        found=shown,
        fix="".join(fixes).removesuffix("; "),
    )


def remove_identifiers(
    raw: pd.DataFrame,
    file: str,
    drop: Sequence[str],
    *,
    cleared: Mapping[str, str] | None = None,
    inclusion: pd.Series | float | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Remove the columns that the plan lists and refuse any other identifier.

    Parameters
    ----------
    raw : DataFrame of strings
    file : str
        The file's key in the plan.
    drop : sequence of str
        ``privacy.drop`` of this file.
    cleared, inclusion
        See `scan_columns`.

    Returns
    -------
    DataFrame
        Without the listed columns.
    list of str
        The columns removed.

    Raises
    ------
    PrivacyError
        A column outside the list identifies people, by its name or by its content. No value is echoed.
    """
    present = [c for c in drop if c in raw.columns]
    kept = raw.drop(columns=present)
    refuse(scan_columns(kept, file, cleared=cleared, inclusion=inclusion))
    return kept, present


def free_text_columns(plan: Plan, table: str) -> list[str]:
    """Return the columns of a canonical table that are free text: of type text, and no key."""
    spec = getattr(plan.tables, table)
    if spec is None:
        return []
    return [name for name, column in spec.columns.items() if column.type == "text" and name not in KEY_COLUMNS]
