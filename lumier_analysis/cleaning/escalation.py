"""Escalation of treatment: a dose raised or a drug started since the visit before, with a flare or without one.

One in four changes of treatment happens without a flare (Thanou 2014, PMC4542656: 21 of 83). Strategies for such an
intercurrent event: van Geloven 2020, PMC7387325.
"""

from __future__ import annotations

import pandas as pd

from lumier_analysis.errors import PlanError

#: Columns whose rise is an escalation: mg/day, or no / yes as 0 / 1.
TREATMENTS = ("prednisone", "hydroxychloroquine", "immunosuppressant")


def last_known(visits: pd.DataFrame, column: str) -> pd.Series:
    """Return, for each visit, the last known value of a column at the patient's earlier visits.

    Parameters
    ----------
    visits : DataFrame
        patient_id, day and the column.
    column : str

    Returns
    -------
    Series of Float64, indexed like `visits`
        Missing at the first visit, and at a visit without day.
    """
    dated = visits.dropna(subset=["day"]).sort_values(["patient_id", "day"], kind="stable")
    known = dated[column].astype("Float64").groupby(dated["patient_id"])
    earlier = known.ffill().groupby(dated["patient_id"]).shift(1)
    return earlier.reindex(visits.index)


def raised(visits: pd.DataFrame, column: str) -> pd.Series:
    """Tell at which visits a treatment is higher than when last known; missing where either is unknown."""
    return (visits[column].astype("Float64") > last_known(visits, column)).astype("boolean")


def treatment_escalations(visits: pd.DataFrame, flares: pd.DataFrame) -> pd.DataFrame:
    """List the visits at which treatment is found escalated.

    Parameters
    ----------
    visits : DataFrame
        patient_id, day, any of `TREATMENTS`, and the flag treatment_increase where the study has it.
    flares : DataFrame
        patient_id, day, detection_day, is_flare: those that count.

    Returns
    -------
    DataFrame, one row a visit
        patient_id, day (when it was found), after_day (the visit before; missing if none), treatments (names, by
        comma), with_flare: a flare lies between the visit before and this one, both included, or is not over yet. Any
        rise counts, however small; the day is that of the visit, since the day of prescription is not recorded.

    Raises
    ------
    PlanError
        The visits table has no treatment.
    """
    columns = [c for c in TREATMENTS if c in visits]
    flagged = "treatment_increase" in visits
    if not columns and not flagged:
        raise PlanError(
            "Treatment escalation needs treatments in the visits table",
            found="none of " + ", ".join((*TREATMENTS, "treatment_increase")),
            fix="map them under tables.visits.columns, or set landmarks.treatment_escalation: ignore",
        )
    up = pd.DataFrame({c: raised(visits, c) for c in columns}, index=visits.index)
    if flagged:
        up["treatment_increase"] = visits["treatment_increase"].astype("boolean")
    up = up.fillna(False).astype(bool)
    days = visits.assign(after_day=_day_before(visits))
    found = days.loc[up.any(axis=1) & visits["day"].notna(), ["patient_id", "day", "after_day"]]
    names = up.loc[found.index].apply(lambda row: ", ".join(row.index[row]), axis=1) if len(found) else None
    found = found.assign(treatments=pd.Series(names, index=found.index, dtype="string"))
    counted = flares[flares["is_flare"].fillna(False).astype(bool)].dropna(subset=["day"])
    end = counted["detection_day"].fillna(counted["day"]) if "detection_day" in counted else counted["day"]
    # Without a flare the column has lost its type, and tables merge on like types alone.
    who = counted["patient_id"].astype(found["patient_id"].dtype)
    spans = pd.DataFrame({"patient_id": who, "start": counted["day"], "end": end})
    pairs = found.reset_index(names="row").merge(spans, on="patient_id")
    near = (pairs["start"] <= pairs["day"]) & (pairs[["start", "end"]].max(axis=1) >= pairs["after_day"].fillna(-1))
    flared = pairs.loc[near.fillna(False).astype(bool), "row"]
    found["with_flare"] = found.index.isin(flared)
    return found.sort_values(["patient_id", "day"], kind="stable").reset_index(drop=True)


def _day_before(visits: pd.DataFrame) -> pd.Series:
    """Return the day of each visit's predecessor, on an earlier day or the same."""
    dated = visits.dropna(subset=["day"]).sort_values(["patient_id", "day"], kind="stable")
    return dated.groupby("patient_id")["day"].shift(1).reindex(visits.index).astype("Int64")
