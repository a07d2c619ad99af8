"""From the first sample to the first flare: one row a patient, for curves, Cox regression and time-dependent AUC."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.study import Study

NO_FOLLOW_UP = "no follow-up after the sample"
_TYPES = {
    "patient_id": "string", "sample_id": "string", "centre": "string", "visit": "string", "landmark": "int64",
    "time": "float64", "event": "int64",
}  # fmt: skip


class FirstFlare(NamedTuple):
    """Follow-up from the first sample, and who is not in it.

    Attributes
    ----------
    rows : DataFrame, one row a patient
        patient_id, sample_id, centre, visit, landmark (row label in the landmarks table), time (days from the sample,
        above 0), event (0 censored, 1 first flare, 2 competing event); ordered by patient.
    left_out : Series of int
        Patients of the cohort who are not in `rows`, by reason.
    """

    rows: pd.DataFrame
    left_out: pd.Series


def first_flare_follow_up(study: Study, cohort: str) -> FirstFlare:
    """Follow each patient from the sample of her first landmark visit to her first flare.

    Parameters
    ----------
    study : Study
    cohort : {"test", "validation"}

    Returns
    -------
    FirstFlare
        Rows and patients left out add up to the patients of the cohort. Both are empty without such a cohort.

    Raises
    ------
    AnalysisError
        The counts do not add up, or a landmark's sample is not in the samples table.

    Notes
    -----
    The visit is the first of the plan's ``landmarks.visits`` (M0), or each patient's earliest where all visits are
    landmarks; she must be at risk there by the plan's rules, with a sample that passes. A window cut short leaves her
    in: her follow-up is censored. A flare counts on its documented onset, else on its detection, which is up to one
    visit late. Where flares come to notice at visits alone, follow-up without one ends at the last scheduled visit.
    """
    if not study.has("landmarks", cohort):
        return FirstFlare(pd.DataFrame({c: [] for c in _TYPES}).astype(_TYPES), _counted([]))
    marks, patients = study.read("landmarks", cohort), study.read("patients", cohort)
    rules = study.plan.landmarks
    own = marks if rules.visits == "all" else marks[marks["visit"] == rules.visits[0]]
    first = own.assign(landmark=own.index).drop_duplicates("patient_id").set_index("patient_id")
    known = first.reindex(patients["patient_id"])

    unseen = "no visit" if rules.visits == "all" else f"no visit {rules.visits[0]}"
    unusable = patients.set_index("patient_id")["reason"].fillna("").astype(str)
    reason = pd.Series(np.where(unusable == "", unseen, "patient: " + unusable), index=known.index, dtype=object)
    seen = known["landmark"].notna()
    at_risk = known["at_risk"].fillna(False).astype(bool)
    reason = reason.mask(seen, known["reason"].astype(object)).mask(at_risk, "")

    rows = first.loc[known.index[at_risk]].reset_index()
    start = _sample_days(study, cohort, rows)
    end = rows["day"].astype(float) + rows["follow_up_days"].astype(float)
    if study.plan.flare.observed == "at_visits":
        sooner = pd.concat([end, _last_visits(study, cohort, rows)], axis=1).min(axis=1)
        end = end.mask(rows["follow_up_status"] == 0, sooner)
    rows = rows.assign(time=end - start, event=rows["follow_up_status"])
    without = rows["time"] <= 0
    if (rows["event"].eq(1) & without).any():
        raise AnalysisError("A flare lies on or before the day of its sample", found=f"{cohort} cohort")
    left_out = _counted([*reason[reason != ""], *[NO_FOLLOW_UP] * int(without.sum())])
    rows = rows[~without].sort_values("patient_id").reset_index(drop=True)[list(_TYPES)].astype(_TYPES)
    if len(rows) + int(left_out.sum()) != len(patients):
        raise AnalysisError(
            "Patients were lost on the way to the follow-up",
            found=f"{len(rows)} rows and {int(left_out.sum())} left out of {len(patients)}",
        )
    return FirstFlare(rows, left_out)


def _sample_days(study: Study, cohort: str, rows: pd.DataFrame) -> pd.Series:
    """Return the day of each row's sample; of the visit where the sample has no day of its own."""
    days = study.read("samples", cohort).set_index("sample_id")["day"]
    absent = ~rows["sample_id"].isin(days.index)
    if absent.any():
        raise AnalysisError("A landmark's sample is not in the samples table", found=f"{int(absent.sum())} samples")
    own = pd.Series(days.reindex(rows["sample_id"]).to_numpy(dtype=float, na_value=np.nan), index=rows.index)
    return own.fillna(rows["day"].astype(float))


def _last_visits(study: Study, cohort: str, rows: pd.DataFrame) -> pd.Series:
    """Return the day of each patient's last scheduled visit; her landmark's own where there is no later one."""
    visits = study.read("visits", cohort)
    last = visits[visits["scheduled"]].groupby("patient_id")["day"].max()
    return rows["patient_id"].map(last).astype(float).fillna(rows["day"].astype(float))


def _counted(reasons: list[str]) -> pd.Series:
    counts = pd.Series(reasons, dtype="str").value_counts()
    return counts.rename("patients").rename_axis("reason").astype("int64")
