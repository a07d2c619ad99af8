"""Table 1: patients at inclusion, by cohort. One row is one patient, or the table is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.reporting.disclosure import (
    SUPPRESSION_THRESHOLD,
    WITHHELD,
    count_percent,
    is_small,
    legend,
    marker,
    suppress_group,
)
from lumier_analysis.reporting.standardised import standardised_difference
from lumier_analysis.reporting.table_one_result import SMD, TableOne, TableOneCell, Variable
from lumier_analysis.reporting.wording import number_text

__all__ = ["TableOne", "Variable", "table_one"]

TITLES = {"test": "Test cohort", "validation": "Validation cohort"}
_KINDS = ("median", "mean", "category", "flag")


def _check(patients: pd.DataFrame, variables: Sequence[Variable], by: str) -> None:
    """Refuse anything but one row a patient with the columns asked for."""
    absent = [name for name in ("patient_id", by, *(v.name for v in variables)) if name not in patients.columns]
    if absent:
        raise UsageError(
            "Table 1 asks for columns that the patient table lacks",
            found=f"no {', '.join(absent)}; columns are {', '.join(map(str, patients.columns))}",
        )
    if patients["patient_id"].isna().any() or patients["patient_id"].duplicated().any():
        raise AnalysisError(
            "Table 1 counts patients, and this table does not hold one row a patient",
            found=f"{len(patients)} rows of {patients['patient_id'].nunique()} patients",
            fix="give the patients table, or keep one visit of each patient",
        )
    if patients[by].isna().any():
        raise AnalysisError(f"Table 1 compares by {by}, which is missing for {int(patients[by].isna().sum())} patients")
    if not len(patients):
        raise AnalysisError("Table 1 has no patients")
    for variable in variables:
        if variable.kind not in _KINDS:
            raise UsageError(f"Unknown kind {variable.kind!r} of {variable.name}", fix=f"use {', '.join(_KINDS)}")
        if variable.kind in {"median", "mean"} and not pd.api.types.is_numeric_dtype(patients[variable.name]):
            raise UsageError(f"{variable.name} is no number, so it has no {variable.kind}", fix="use kind='category'")


def _is_yes_no(column: pd.Series) -> bool:
    """Tell whether a column holds true and false, or the integers 1 and 0, and nothing else."""
    if pd.api.types.is_bool_dtype(column):
        return True
    known = column.dropna()
    return bool(pd.api.types.is_integer_dtype(column) and len(known) and known.isin([0, 1]).all())


def _values(patients: pd.DataFrame, variable: Variable) -> pd.Series:
    """Return a variable as numbers or as levels; missing stays missing."""
    column = patients[variable.name]
    if variable.kind == "flag":
        return column.astype("boolean").map({True: "yes", False: "no"})
    return column.astype("float") if variable.kind in {"median", "mean"} else column.astype("str").where(column.notna())


def _levels(values: pd.Series, variable: Variable) -> list[str]:
    """Return the levels of a category in the order given, else alphabetical."""
    if variable.kind == "flag":
        return ["yes", "no"]
    present = sorted(set(values.dropna()))
    unknown = [level for level in present if variable.levels and level not in variable.levels]
    if unknown:
        raise UsageError(f"{variable.name} has levels that Table 1 does not list", found=", ".join(unknown))
    return list(variable.levels) or present


def _numeric(
    values: pd.Series, variable: Variable, cohort: str, threshold: int
) -> tuple[dict[str, str], list[TableOneCell]]:
    """Return row -> text, and the numbers, of a numeric variable in one cohort."""
    known = values.dropna()
    if variable.kind == "median":
        summary = dict(zip(("median", "q1", "q3"), known.quantile([0.5, 0.25, 0.75]), strict=True))
    else:
        summary = {"mean": known.mean(), "sd": known.std(ddof=1)}
    missing = len(values) - len(known)
    cells = [
        TableOneCell(cohort, variable.name, variable.label, "", s, float(v), len(known)) for s, v in summary.items()
    ]
    cells.append(TableOneCell(cohort, variable.name, variable.label, "", "missing", missing, len(values)))
    # One number of three digits would otherwise have fewer decimals than its neighbours.
    digits = min(variable.digits, 1) if max(map(abs, summary.values())) >= 100 else variable.digits
    first, *rest = (number_text(float(v), digits) for v in summary.values())
    text = f"{first} ({', '.join(rest)})" if len(known) else "–"
    if is_small(len(known), threshold):
        text = WITHHELD
    shown = suppress_group([missing, len(known)], threshold, unshown=[1])[0]
    return {"": text, "missing": str(shown)}, cells


def _categorical(
    values: pd.Series, variable: Variable, levels: list[str], cohort: str, threshold: int
) -> tuple[dict[str, str], list[TableOneCell]]:
    """Return row -> text, and the numbers, of a categorical variable in one cohort, whose size is the known total."""
    counts = {level: int((values == level).sum()) for level in levels}
    counts["missing"] = int(values.isna().sum())
    flag = variable.kind == "flag"
    shown = suppress_group(list(counts.values()), threshold, unshown=[1] if flag else [])
    texts = {row: count_percent(cell, len(values)) for row, cell in zip(counts, shown, strict=True)}
    if flag:
        texts = {"": texts["yes"], "missing": texts["missing"]}
    cells = [
        TableOneCell(cohort, variable.name, variable.label, "", "missing", n, len(values))
        if row == "missing"
        else TableOneCell(cohort, variable.name, variable.label, row, "n", n, len(values))
        for row, n in counts.items()
    ]
    return texts, cells


def table_one(
    patients: pd.DataFrame,
    variables: Iterable[Variable],
    *,
    by: str = "cohort",
    titles: Mapping[str, str] | None = None,
    threshold: int = SUPPRESSION_THRESHOLD,
) -> TableOne:
    """Describe patients at inclusion, by cohort.

    Parameters
    ----------
    patients : DataFrame, one row a patient
        patient_id, the column `by`, and the variables.
    variables : iterable of Variable
        A category that is true or false, or 1 or 0, becomes a flag.
    by : str
        Column whose values are the columns of the table.
    titles : mapping, optional
        Value of `by` -> heading.
    threshold : int
        Counts from 1 to threshold - 1 are suppressed (see `suppress_group`).

    Returns
    -------
    TableOne

    Raises
    ------
    AnalysisError
        A patient stands twice: the denominators would be visits.
    UsageError
        A column is absent or is no number.
    """
    variables = list(variables)
    _check(patients, variables, by)
    yes_no = {v.name for v in variables if v.kind == "category" and _is_yes_no(patients[v.name])}
    variables = [replace(v, kind="flag") if v.name in yes_no else v for v in variables]
    groups = {str(name): group for name, group in patients.groupby(by, sort=True)}
    cells = [TableOneCell(name, "patients", "Patients", "", "n", len(g), len(g)) for name, g in groups.items()]
    marks = (marker(threshold), WITHHELD)
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for variable in variables:
        everyone = _values(patients, variable)
        columns = {name: everyone.loc[group.index] for name, group in groups.items()}
        categorical = variable.kind in {"category", "flag"}
        levels = _levels(everyone, variable) if categorical else []
        own: dict[str, dict[str, str]] = {}
        for name, values in columns.items():
            texts, numbers = (
                _categorical(values, variable, levels, name, threshold)
                if categorical
                else _numeric(values, variable, name, threshold)
            )
            cells += numbers
            for row, text in texts.items():
                own.setdefault(row, {})[name] = text
        if not everyone.isna().any():
            del own["missing"]
        if len(groups) == 2:
            # Beside one cohort's figures the difference would give the other's suppressed ones away.
            hidden = any(mark in text for row in own.values() for text in row.values() for mark in marks)
            smd = standardised_difference(*columns.values(), categorical=categorical)
            known = sum(int(values.notna().sum()) for values in columns.values())
            cells.append(TableOneCell("", variable.name, variable.label, "", "smd", smd, known))
            own[next(iter(own))][SMD] = WITHHELD if hidden else number_text(smd, 2) or "–"
        rows |= {(variable.label, row): texts for row, texts in own.items()}
    names = [*groups, *([SMD] if len(groups) == 2 else [])]
    index = pd.MultiIndex.from_tuples(list(rows), names=["variable", "level"])
    frame = pd.DataFrame([[row.get(c, "") for c in names] for row in rows.values()], index=index, columns=names)
    suppressed = any(mark in str(text) for text in frame.to_numpy().ravel() for mark in marks)
    return TableOne(
        frame=frame,
        sizes={name: marks[0] if is_small(len(g), threshold) else str(len(g)) for name, g in groups.items()},
        titles={name: {**TITLES, **(titles or {})}.get(name, name) for name in groups},
        cells=tuple(cells),
        note=_note(variables, len(groups), legend(threshold) if suppressed else ""),
    )


def _note(variables: list[Variable], n_groups: int, suppression: str) -> str:
    """Return the sentences below the table."""
    means = [v.label for v in variables if v.kind == "mean"]
    medians = any(v.kind == "median" for v in variables)
    numbers = "Numbers are median (first, third quartile)" if medians else "Numbers are mean (SD)"
    if medians and means:
        numbers += f", but mean (SD) for {', '.join(means)}"
    parts = [
        "Denominators are all patients of the cohort; those without a value stand in the row of the missing.",
        numbers + "." if medians or means else "",
        "SMD: absolute standardised mean difference." if n_groups == 2 else "",
        suppression,
    ]
    return " ".join(part for part in parts if part)
