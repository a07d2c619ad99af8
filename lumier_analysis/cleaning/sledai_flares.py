"""Flares told from the rise of SLEDAI, with its serological descriptors or without."""

from __future__ import annotations

import pandas as pd

from lumier_analysis.errors import PlanError

#: A SLEDAI above this is the severe criterion of the SELENA-SLEDAI Flare Index.
SEVERE_ABOVE = 12
#: The rise of its mild or moderate criterion, in points.
MILD_RISE = 3


def _needs_clinical(visits: pd.DataFrame) -> None:
    if "clinical_sledai" not in visits:
        raise PlanError(
            "flare.serology_items: false needs the 24 SLEDAI-2K descriptors in the visits table",
            fix="map them under tables.visits.columns, or set flare.serology_items: true",
        )


def flares_from_sledai(
    visits: pd.DataFrame,
    *,
    increase: int,
    quiescent_max: int,
    clinical: bool = False,
    recorded: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Derive flares from the rise of SLEDAI between consecutive visits.

    A flare is found at a visit when the visit before it was quiescent (SLEDAI at most `quiescent_max`) and SLEDAI rose
    by at least `increase` points, whatever the gap between the two. Its onset is unknown, somewhere between them,
    unless the record documents it.

    Parameters
    ----------
    visits : DataFrame
        patient_id, day, sledai and, where `clinical`, clinical_sledai; one row a visit. A visit whose SLEDAI is
        unknown is passed over: the rise is counted from the last known one.
    increase : int
        Points.
    quiescent_max : int
        Points of the whole SLEDAI.
    clinical : bool
        Whether the rise is that of clinical SLEDAI, without low complement and DNA binding.
    recorded : DataFrame, optional
        patient_id, detection_day, onset_day: a recorded flare found on the same day lends its onset, where that is
        after the visit before.

    Returns
    -------
    DataFrame
        patient_id, flare (1, 2, ...), onset_day (missing where undocumented), detection_day, day (onset, else
        detection), severe (missing), is_flare; ordered by patient and day.

    Raises
    ------
    PlanError
        `clinical`, and the study has no descriptors.
    """
    if clinical:
        _needs_clinical(visits)
    column = "clinical_sledai" if clinical else "sledai"
    known = visits.dropna(subset=[*{"day", "sledai", column}]).sort_values(["patient_id", "day"])
    before = known.groupby("patient_id")[list({"day", "sledai", column})].shift(1)
    rose = (before["sledai"] <= quiescent_max) & (known[column] - before[column] >= increase)
    rose = rose.fillna(False).astype(bool)
    found = known.loc[rose, ["patient_id", "day"]].reset_index(drop=True)
    table = pd.DataFrame(
        {
            "patient_id": found["patient_id"],
            "flare": found.groupby("patient_id").cumcount() + 1,
            "onset_day": pd.array([pd.NA] * len(found), dtype="Int64"),
            "detection_day": found["day"].astype("Int64"),
            "day": found["day"].astype("Int64"),
            "severe": pd.array([pd.NA] * len(found), dtype="boolean"),
            "is_flare": True,
        }
    )
    if recorded is None or not len(recorded) or not len(table):
        return table
    documented = recorded.dropna(subset=["onset_day", "detection_day"]).drop_duplicates(["patient_id", "detection_day"])
    onsets = documented.set_index(["patient_id", "detection_day"])["onset_day"]
    keys = pd.MultiIndex.from_frame(table[["patient_id", "detection_day"]])
    onset = pd.Series(onsets.reindex(keys).to_numpy(), index=table.index).astype("Int64")
    previous = before.loc[rose, "day"].reset_index(drop=True).astype("Int64")
    table["onset_day"] = onset.mask((onset <= previous).fillna(False).astype(bool))
    table["day"] = table["onset_day"].fillna(table["detection_day"])
    return table


def without_serology(flares: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Judge the two SLEDAI criteria of recorded flares again, on clinical SLEDAI.

    A criterion that serology alone met is taken back; none is added. Clinical SLEDAI on the day of detection is
    compared with that of the last visit before it. A severe criterion whose clinical SLEDAI is not above 12 becomes
    the mild one where clinical SLEDAI rose by 3. Where either clinical SLEDAI is unknown the recorded flags stand.

    Parameters
    ----------
    flares : DataFrame
        patient_id, detection_day, mild_sledai, severe_sledai.
    visits : DataFrame
        patient_id, day, clinical_sledai.

    Returns
    -------
    DataFrame
        The flares with mild_sledai and severe_sledai judged again.
    """
    _needs_clinical(visits)
    known = visits.dropna(subset=["day", "clinical_sledai"]).sort_values(["patient_id", "day"], kind="stable")
    courses = {p: (c["day"].tolist(), c["clinical_sledai"].tolist()) for p, c in known.groupby("patient_id")}
    flares = flares.copy()
    for name in ("mild_sledai", "severe_sledai"):
        flares[name] = flares[name].astype("boolean") if name in flares else False
    met = {n: flares[n].fillna(False).astype(bool).tolist() for n in ("mild_sledai", "severe_sledai")}
    for row, (patient, day) in enumerate(zip(flares["patient_id"], flares["detection_day"], strict=True)):
        days, scores = courses.get(patient, ([], []))
        if pd.isna(day) or day not in days or days[0] >= day:
            continue
        at = max(s for d, s in zip(days, scores, strict=True) if d == day)
        before = [s for d, s in zip(days, scores, strict=True) if d < day][-1]
        recorded = met["mild_sledai"][row] or met["severe_sledai"][row]
        severe = met["severe_sledai"][row] and at > SEVERE_ABOVE and at > before
        met["severe_sledai"][row] = severe
        met["mild_sledai"][row] = recorded and not severe and at - before >= MILD_RISE
    return flares.assign(**{n: pd.array(flags, dtype="boolean") for n, flags in met.items()})
