"""Rows of the validation beyond the included landmarks: windows cut short, kinds of flare, subgroups."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from lumier_analysis.cleaning.rows import landmark_rows
from lumier_analysis.cleaning.window import ESCALATED, NOT_OBSERVED, UNKNOWN_ONSET
from lumier_analysis.errors import PlanError
from lumier_analysis.study import Study


def window_outcomes(landmarks: pd.DataFrame) -> pd.DataFrame:
    """Return the outcome of every landmark at risk, and the days for which its window was observed.

    Parameters
    ----------
    landmarks : DataFrame
        As `landmark_table`.

    Returns
    -------
    DataFrame, one row a landmark at risk, index as given
        outcome (1 flare in the window, 0 none, missing where the window was not seen to its end) and observed_days:
        from the landmark to the flare, the end of the window, the competing event or the loss.
    """
    marks = landmarks[landmarks["at_risk"]]
    day = marks["day"].astype("Float64")
    flare, free, end = (marks[c].astype("Float64") - day for c in ("flare_day", "flare_after_day", "window_end_day"))
    followed = marks["follow_up_days"].astype("Float64")
    # Where flares come to notice at visits alone and no visit closed the window, nothing of it was observed.
    days = pd.Series(0.0, index=marks.index, dtype="Float64")
    # The follow-up goes on beyond the window; a competing event ends it before.
    shorter = pd.concat([followed, end], axis=1).min(axis=1)
    days = days.mask(marks["included"] | marks["reason"].eq(NOT_OBSERVED), shorter)
    days = days.mask(marks["reason"].eq(UNKNOWN_ONSET), free).mask(marks["reason"].eq(ESCALATED), followed)
    days = days.mask(marks["event"].eq(1).fillna(False), flare)
    outcome = marks["event"].mask(~marks["included"])
    return pd.DataFrame({"outcome": outcome.astype("Int64"), "observed_days": days.clip(lower=0).astype(float)})


def at_risk_rows(study: Study, cohort: str) -> pd.DataFrame:
    """Return the landmarks at risk with their covariates: the included ones and those whose window was cut short.

    Returns
    -------
    DataFrame, one row a landmark
        As `landmark_rows` without event; outcome and observed_days as `window_outcomes`.
    """
    marks = study.read("landmarks", cohort)
    found = window_outcomes(marks)
    marks = marks.join(found).assign(included=marks["at_risk"], event=marks["event"].fillna(0))
    return landmark_rows(study, cohort, marks).drop(columns=["event", "included"])


def flare_kinds(study: Study, cohort: str, rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Return for each kind that the plan names (severity, organ) the value of the flare of every event row.

    Raises
    ------
    PlanError
        The flares have no such column.
    """
    flares = study.read("flares", cohort)
    flares = flares[flares["is_flare"].fillna(False).astype(bool)].drop_duplicates(["patient_id", "day"])
    kinds = {}
    for name in study.plan.validation.flare_kinds:
        if name not in flares:
            raise PlanError(
                f"validation.flare_kinds names {name}, which the flares do not have",
                fix="take it out of the plan, or map it under tables.flares.columns",
            )
        by_flare = flares.set_index(["patient_id", "day"])[name]
        keys = pd.MultiIndex.from_arrays([rows["patient_id"], rows["flare_day"].astype("Int64")])
        kinds[name] = pd.Series(by_flare.reindex(keys).to_numpy(), index=rows.index, dtype="string")
    return kinds


def subgroups_of(study: Study, rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Return for each subgroup that the plan names the level of every row; numbers cut at the plan's limits.

    Raises
    ------
    PlanError
        The rows have no such column, a column of numbers has no limits, or one of categories has.
    """
    levels = {}
    for name, limits in study.plan.validation.subgroups.items():
        if name not in rows:
            raise PlanError(
                f"validation.subgroups names {name}, which the landmark rows do not have",
                fix="take it out of the plan, or map it under tables.visits or tables.patients",
            )
        values = rows[name]
        number = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
        if number != bool(limits):
            fix = f"{name}: [40]" if number else f"{name}: []"
            what = "numbers, and has no limits" if number else "categories, and has limits"
            raise PlanError(f"validation.subgroups.{name} is a column of {what}", fix=f"write {fix}")
        levels[name] = _cut(values, limits) if number else _words(values)
    return levels


def _words(values: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(values.dtype):
        return values.astype("boolean").map({True: "yes", False: "no"}).astype("string")
    return values.astype("string")


def _cut(values: pd.Series, limits: list[float]) -> pd.Series:
    """Return labels "under 40", "40 to under 60", "60 or more"; a value at a limit belongs above it."""
    number = values.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    edges = [f"{x:g}" for x in limits]
    names = [f"under {edges[0]}", *(f"{a} to under {b}" for a, b in pairwise(edges))]
    names.append(f"{edges[-1]} or more")
    place = np.searchsorted(limits, number, side="right")
    labels = np.array(names, dtype=object)[np.minimum(place, len(limits))]
    return pd.Series(labels, index=values.index, dtype="string").mask(np.isnan(number))
