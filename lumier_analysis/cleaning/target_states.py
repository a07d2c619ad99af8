"""Low disease activity and remission at each visit: reached, not reached, or not to be judged and why.

LLDAS: Franklyn K et al. Ann Rheum Dis 2016;75:1615-21. Dose limits: Golder V et al. Arthritis Res Ther 2016;18:260.
"No new features" as no new SLEDAI descriptor: Oon S et al. Ann Rheum Dis 2019;78:629-33.
DORIS: van Vollenhoven RF et al. Lupus Sci Med 2021;8:e000538.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumier_analysis.cleaning.escalation import last_known, raised
from lumier_analysis.cleaning.sledai import CLINICAL, DOMAINS, descriptors, items_present, sledai_from_items

#: Descriptors of major organs (renal, CNS, cardiopulmonary, vasculitis, fever): none may be present in LLDAS.
MAJOR_ORGAN = tuple(n for d in ("renal", "cns", "serosa", "vascular", "constitutional") for n in DOMAINS[d])
#: Activity outside SLEDAI that LLDAS forbids, where the study records it.
OUTSIDE_SLEDAI = ("haemolytic_anaemia", "gastrointestinal_activity")
#: Highest standard maintenance dose, mg/day (methotrexate: mg/week), where the study records doses.
DOSE_LIMITS = {
    "hydroxychloroquine_dose": 400.0, "methotrexate_dose": 30.0, "azathioprine_dose": 200.0,
    "mycophenolate_mofetil_dose": 3000.0, "mycophenolic_acid_dose": 2160.0, "leflunomide_dose": 20.0,
}  # fmt: skip
LLDAS_PGA, LLDAS_PREDNISONE, LLDAS_SLEDAI = 1.0, 7.5, 4
DORIS_PGA, DORIS_PREDNISONE = 0.5, 5.0


def _constant(value: bool | None, visits: pd.DataFrame) -> pd.Series:
    """Return one answer for every visit, None for unknown."""
    return pd.Series(pd.array([pd.NA if value is None else value] * len(visits), dtype="boolean"), index=visits.index)


def _known_none(present: pd.DataFrame) -> pd.Series:
    """Tell where none of the columns holds: false if any is known to hold, missing if one may."""
    some = present.fillna(False).astype(bool).any(axis=1)
    return (~some).astype("boolean").mask(~some & present.isna().any(axis=1))


def _number(visits: pd.DataFrame, column: str) -> pd.Series:
    """Return a column as numbers, all missing where the study does not have it."""
    if column not in visits:
        return pd.Series(pd.NA, index=visits.index, dtype="Float64")
    return visits[column].astype("Float64")


def _first(visits: pd.DataFrame) -> pd.Series:
    """Tell which visit is the patient's first dated one."""
    dated = visits.dropna(subset=["day"]).sort_values(["patient_id", "day"], kind="stable")
    return pd.Series(visits.index.isin(dated.drop_duplicates("patient_id").index), index=visits.index)


def _low_activity(visits: pd.DataFrame, present: pd.DataFrame | None, unrecorded: bool | None) -> pd.Series:
    """Judge LLDAS 1: SLEDAI at most 4, no major organ, no haemolytic anaemia, no gastrointestinal activity."""
    total = visits["sledai"].astype("Float64")
    low = (total <= LLDAS_SLEDAI).astype("boolean")
    if present is None:
        # Without descriptors a total of 0 alone says that no organ is active.
        organs = low.mask(low.fillna(False).astype(bool) & (total > 0).fillna(False).astype(bool))
    else:
        bounds = sledai_from_items(present)
        within = (bounds["high"] <= LLDAS_SLEDAI).astype("boolean")
        open_ = (bounds["low"] <= LLDAS_SLEDAI).fillna(False).astype(bool) & ~within.fillna(False).astype(bool)
        low = low.fillna(within.mask(open_))
        organs = low & _known_none(present[list(MAJOR_ORGAN)])
    others = [c for c in OUTSIDE_SLEDAI if c in visits]
    if others:
        return organs & _known_none(visits[others].astype("boolean"))
    return organs & _constant(unrecorded, visits)


def _no_new_features(visits: pd.DataFrame, present: pd.DataFrame | None) -> pd.Series:
    """Judge LLDAS 2: no descriptor that the visit before did not have; at the first visit, no clinical flare."""
    first = _first(visits)
    flare = visits["clinical_flare"].astype("boolean") if "clinical_flare" in visits else _constant(None, visits)
    if present is None:
        return (~flare).mask(~first)
    keyed = visits[["patient_id", "day"]].join(present)
    order = keyed.dropna(subset=["day"]).sort_values(["patient_id", "day"], kind="stable").index
    before = (
        present.loc[order].groupby(visits.loc[order, "patient_id"]).shift(1).astype("boolean").reindex(visits.index)
    )
    new = _known_none(present & ~before)
    return new.mask(first, ~flare).mask(visits["day"].isna())


def lldas_criteria(visits: pd.DataFrame, *, unrecorded_met: bool = True, dose_in_mg: bool = True) -> pd.DataFrame:
    """Judge the five criteria of the lupus low disease activity state.

    Parameters
    ----------
    visits : DataFrame
        patient_id, day, sledai, and what the study has of: the 24 descriptors, clinical_flare, pga (0 to 3), prednisone
        (mg/day), `OUTSIDE_SLEDAI`, `DOSE_LIMITS`, sledai_entered.
    unrecorded_met : bool
        Whether what the study has no column for (haemolytic anaemia and gastrointestinal activity; doses of
        immunosuppressants) counts as met (ASSUMED) or leaves the criterion unjudged.
    dose_in_mg : bool
        False where ``prednisone`` is not a dose, as no / yes: the criterion cannot be judged.

    Returns
    -------
    DataFrame of boolean, shape (n_visits, 5)
        ``activity``, ``no new features``, ``PGA``, ``prednisone``, ``treatment``; missing where unknown.
    """
    unrecorded = True if unrecorded_met else None
    present = descriptors(visits, visits.get("sledai_entered")) if items_present(visits) else None
    recorded = [c for c in DOSE_LIMITS if c in visits]
    above = pd.DataFrame({c: (_number(visits, c) > DOSE_LIMITS[c]).astype("boolean") for c in recorded}, visits.index)
    dose = _number(visits, "prednisone") <= LLDAS_PREDNISONE if dose_in_mg else _constant(None, visits)
    return pd.DataFrame(
        {
            "activity": _low_activity(visits, present, unrecorded),
            "no new features": _no_new_features(visits, present),
            "PGA": _number(visits, "pga") <= LLDAS_PGA,
            "prednisone": dose,
            "treatment": _known_none(above) if recorded else _constant(unrecorded, visits),
        }
    ).astype("boolean")


def doris_criteria(visits: pd.DataFrame, *, unrecorded_met: bool = True, dose_in_mg: bool = True) -> pd.DataFrame:
    """Judge the criteria of DORIS remission (2021).

    Parameters
    ----------
    visits, unrecorded_met, dose_in_mg
        As for `lldas_criteria`; stable treatment is judged from hydroxychloroquine and immunosuppressant (no / yes).

    Returns
    -------
    DataFrame of boolean, shape (n_visits, 4)
        ``clinical SLEDAI`` (0), ``PGA`` (below 0.5), ``prednisone`` (at most 5 mg/day), ``stable treatment`` (no
        antimalarial or immunosuppressant started since the visit before; at the first visit as `unrecorded_met`).
    """
    unrecorded = True if unrecorded_met else None
    if items_present(visits):
        quiet = _known_none(descriptors(visits, visits.get("sledai_entered"))[list(CLINICAL)])
    else:
        # Without descriptors a total of 0 is clinical 0, above 4 is more than serology; between them nothing is known.
        total = visits["sledai"].astype("Float64")
        quiet = (total == 0).astype("boolean").mask(((total > 0) & (total <= 4)).fillna(False).astype(bool))
    drugs = [c for c in ("hydroxychloroquine", "immunosuppressant") if c in visits]
    stable = _constant(unrecorded, visits)
    if drugs:
        started = {}
        for name in drugs:
            # A drug not taken now, or taken before already, has not been started, whatever else is unknown.
            settled = (_number(visits, name) == 0) | (last_known(visits, name) > 0)
            started[name] = raised(visits, name).mask(settled.fillna(False).astype(bool), False)
        stable = _known_none(pd.DataFrame(started)).mask(_first(visits), unrecorded)
    dose = _number(visits, "prednisone") <= DORIS_PREDNISONE if dose_in_mg else _constant(None, visits)
    return pd.DataFrame(
        {
            "clinical SLEDAI": quiet,
            "PGA": _number(visits, "pga") < DORIS_PGA,
            "prednisone": dose,
            "stable treatment": stable,
        }
    ).astype("boolean")


def state(criteria: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Combine criteria: met if all are, not met if one is known not to be, else unjudged.

    Returns
    -------
    reached : Series of boolean
        Missing where it cannot be judged.
    unjudged : Series of str
        The unknown criteria, by comma, where the state cannot be judged; else empty.
    """
    failed = (~criteria).fillna(False).astype(bool).any(axis=1)
    unknown = criteria.isna()
    reached = (~failed).astype("boolean").mask(~failed & unknown.any(axis=1))
    names = np.array(criteria.columns, dtype=object)
    texts = [", ".join(names[row]) if pd.isna(r) else "" for row, r in zip(unknown.to_numpy(), reached, strict=True)]
    return reached, pd.Series(texts, index=criteria.index, dtype="string")


def with_target_states(visits: pd.DataFrame, *, unrecorded_met: bool = True, dose_in_mg: bool = True) -> pd.DataFrame:
    """Add ``lldas``, ``lldas_unjudged``, ``doris``, ``doris_unjudged`` to the visits."""
    added = {}
    for name, judge in (("lldas", lldas_criteria), ("doris", doris_criteria)):
        criteria = judge(visits, unrecorded_met=unrecorded_met, dose_in_mg=dose_in_mg)
        added[name], added[f"{name}_unjudged"] = state(criteria)
    return visits.assign(**added)
