"""What counts as a flare, by the plan's definition.

SELENA-SLEDAI Flare Index: Petri M et al. N Engl J Med 2005;353:2550-8 (criteria in Buyon JP et al. Ann Intern Med
2005;142:953-62): one criterion suffices; a severe criterion overrides the mild or moderate ones.
"""

from __future__ import annotations

import pandas as pd

MILD = ("mild_sledai", "mild_manifestation", "mild_prednisone", "mild_nsaid_hcq", "mild_pga")
SEVERE = (
    "severe_sledai", "severe_manifestation", "severe_prednisone", "severe_immunosuppressant",
    "severe_hospitalisation", "severe_pga",
)  # fmt: skip
#: Criteria met by a change of treatment alone; without them the index is stricter (Thanou 2014, PMC4542656).
MEDICATION = ("mild_prednisone", "mild_nsaid_hcq", "severe_prednisone", "severe_immunosuppressant")


def _any_of(flares: pd.DataFrame, criteria: tuple[str, ...]) -> pd.Series:
    """Tell which rows meet at least one of the criteria; a missing flag is not a met criterion."""
    columns = [c for c in criteria if c in flares.columns]
    return flares[columns].fillna(False).astype(bool).any(axis=1)


def classify_flares(flares: pd.DataFrame, definition: str, *, medication_criteria: bool = True) -> pd.DataFrame:
    """Add ``severe`` and ``is_flare`` to a table of recorded flares.

    Parameters
    ----------
    flares : DataFrame, one row a recorded flare
        Criterion flags (`MILD`, `SEVERE`) and, for ``adjudicated``, the adjudication flag.
    definition : {"sfi_any", "sfi_severe", "adjudicated"}
    medication_criteria : bool
        Whether a change of treatment alone makes a flare.

    Returns
    -------
    DataFrame
        The input with boolean ``severe`` and ``is_flare``.
    """
    dropped = () if medication_criteria else MEDICATION
    severe = _any_of(flares, tuple(c for c in SEVERE if c not in dropped))
    mild = _any_of(flares, tuple(c for c in MILD if c not in dropped))
    if definition == "sfi_any":
        counts = severe | mild
    elif definition == "sfi_severe":
        counts = severe
    else:
        counts = flares["adjudicated"].fillna(False).astype(bool)
    return flares.assign(severe=severe, is_flare=counts)


def flares_from_sledai(visits: pd.DataFrame, *, increase: int, quiescent_max: int) -> pd.DataFrame:
    """Derive flares from the rise of SLEDAI between consecutive visits.

    A flare is found at a visit when the visit before it was quiescent (SLEDAI at most `quiescent_max`) and SLEDAI rose
    by at least `increase` points, whatever the gap between the two. Its onset is unknown: somewhere between them.

    Parameters
    ----------
    visits : DataFrame
        patient_id, day, sledai; one row a visit.
    increase : int
        Points.
    quiescent_max : int
        Points.

    Returns
    -------
    DataFrame
        patient_id, flare (1, 2, ...), onset_day (missing), detection_day, day, severe (missing), is_flare.
    """
    known = visits.dropna(subset=["day", "sledai"]).sort_values(["patient_id", "day"])
    before = known.groupby("patient_id")["sledai"].shift(1)
    rose = (before <= quiescent_max) & (known["sledai"] - before >= increase)
    found = known.loc[rose.fillna(False).astype(bool), ["patient_id", "day"]]
    return pd.DataFrame(
        {
            "patient_id": found["patient_id"].to_numpy(),
            "flare": (found.groupby("patient_id").cumcount() + 1).to_numpy(),
            "onset_day": pd.array([pd.NA] * len(found), dtype="Int64"),
            "detection_day": found["day"].astype("Int64").to_numpy(),
            "day": found["day"].astype("Int64").to_numpy(),
            "severe": pd.array([pd.NA] * len(found), dtype="boolean"),
            "is_flare": True,
        }
    )
