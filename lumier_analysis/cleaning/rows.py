"""The rows that an analysis works on: landmarks with their covariates, and the samples of the frozen reference."""

from __future__ import annotations

import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.study import Study

#: Columns of the landmarks that the visits have as well.
_KEYS = ["patient_id", "visit"]


def landmark_rows(study: Study, cohort: str, landmarks: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the included landmarks of a cohort with what was recorded at the visit and about the patient.

    Parameters
    ----------
    study : Study
    cohort : {"test", "validation"}
    landmarks : DataFrame, optional
        From `landmarks_under`, for other rules than the plan's.

    Returns
    -------
    DataFrame, one row a landmark
        The landmark columns (event as int 0 or 1), the visit's columns and the patient's sex, age and past nephritis
        where the study has them; ordered by patient and day.
    """
    marks = study.read("landmarks", cohort) if landmarks is None else landmarks
    used = marks[marks["included"]]
    visits = study.read("visits", cohort)
    # Landmarks are scheduled visits; a patient may have two flare visits, which share a label.
    visits = visits[visits["scheduled"]]
    extra = [c for c in visits.columns if c not in marks.columns or c in _KEYS]
    rows = used.merge(visits[extra], on=_KEYS, how="left", validate="one_to_one")
    patients = study.read("patients", cohort)
    about = [c for c in ("sex", "age", "past_nephritis", "disease_duration") if c in patients]
    rows = rows.merge(patients[["patient_id", *about]], on="patient_id", how="left", validate="many_to_one")
    if len(rows) != len(used):
        raise AnalysisError("Landmarks were lost on the way to the analysis rows", found=f"{len(rows)} of {len(used)}")
    rows["event"] = rows["event"].astype(int)
    return rows.sort_values(["patient_id", "day"]).reset_index(drop=True)


def expression_of(study: Study, cohort: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the expression of each row's sample, in the order of the rows.

    Returns
    -------
    DataFrame, shape (n_rows, n_genes)
        Indexed like `rows`; log2 relative to the reference genes.
    """
    expression = study.read("expression", cohort)
    return expression.loc[rows["sample_id"]].set_axis(rows.index)


def first_expression(study: Study, cohort: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return, for each row, the expression of its patient's first sample that passes; the row's own where that is it.

    Returns
    -------
    DataFrame, shape (n_rows, n_genes)
        Indexed like `rows`, log2. A first sample is a landmark or not; it is never later than the row's own.
    """
    samples = study.read("samples", cohort)
    passing = samples[samples["qc_pass"]].sort_values(["patient_id", "day", "sample_id"])
    first = passing.drop_duplicates("patient_id").set_index("patient_id")["sample_id"]
    return study.read("expression", cohort).loc[rows["patient_id"].map(first)].set_axis(rows.index)


def reference_expression(study: Study) -> tuple[pd.DataFrame, str]:
    """Return the samples on which z-scores are frozen, and what they are in words.

    Healthy controls where the plan says so; else the samples that pass, taken at the first scheduled visit of the
    test cohort's analysed patients who were quiescent there. No outcome is looked at, nor any validation sample.

    Raises
    ------
    AnalysisError
        Fewer than ten such samples.
    """
    if study.plan.scaling.reference == "healthy_controls":
        expression, words = study.read("expression", "controls"), "healthy controls"
    else:
        visits = study.read("visits", "test")
        scheduled = visits[visits["scheduled"]].sort_values(["patient_id", "day"])
        first = scheduled.drop_duplicates("patient_id")
        quiescent = first[first["sledai"] <= study.plan.landmarks.quiescent_sledai_max]
        samples = study.read("samples", "test")
        own = samples[samples["qc_pass"]].merge(quiescent[_KEYS], on=_KEYS, how="inner")
        expression = study.read("expression", "test").loc[own.drop_duplicates(_KEYS)["sample_id"]]
        words = "quiescent first-visit samples of the test cohort"
    if len(expression) < 10:
        raise AnalysisError(
            "Too few reference samples to freeze z-scores on",
            found=f"{len(expression)} {words}",
            fix="change scaling.reference in the plan",
        )
    return expression, words


def longitudinal_rows(study: Study) -> pd.DataFrame:
    """Return every sample that passes, of both cohorts, with its visit.

    Returns
    -------
    DataFrame, one row a sample
        sample_id, patient_id, cohort, centre, visit, day, scheduled, sledai, c3, anti_dsdna, prednisone (where the
        study has them), and ever_flare: whether the patient has any flare in the study, which looks into the future.
    """
    tables = []
    for cohort in ("test", "validation"):
        if not study.has("samples", cohort):
            continue
        samples = study.read("samples", cohort)
        visits = study.read("visits", cohort)
        flares = study.read("flares", cohort)
        flared = set(flares.loc[flares["is_flare"].fillna(False).astype(bool), "patient_id"])
        wanted = ["sledai", "c3", "anti_dsdna", "prednisone"]
        keys = [*_KEYS, "scheduled", *(c for c in wanted if c in visits)]
        # A patient with two flares has two flare visits: each sample belongs to the one of its own day.
        scheduled = visits[visits["scheduled"]].drop_duplicates(_KEYS)
        others = visits[~visits["scheduled"]].drop_duplicates([*_KEYS, "day"])
        own = samples[samples["qc_pass"]]
        planned = own.merge(scheduled[keys], on=_KEYS, how="inner")
        extra = own.merge(others[[*keys, "day"]], on=[*_KEYS, "day"], how="inner")
        rows = pd.concat([planned, extra], ignore_index=True)
        centres = study.read("patients", cohort).set_index("patient_id")["centre"]
        rows["cohort"], rows["centre"] = cohort, rows["patient_id"].map(centres)
        rows["ever_flare"] = rows["patient_id"].isin(flared)
        tables.append(rows)
    return pd.concat(tables, ignore_index=True).sort_values(["patient_id", "day"]).reset_index(drop=True)
