"""SLEDAI-2K from its 24 descriptors: total, clinical, by domain, and what is known of it when a descriptor is not.

Gladman DD, Ibañez D, Urowitz MB. Systemic lupus erythematosus disease activity index 2000. J Rheumatol 2002;29:288-91.
"""

from __future__ import annotations

import pandas as pd

#: Descriptor -> weight; the weights sum to 105.
WEIGHTS: dict[str, int] = {
    "seizure": 8, "psychosis": 8, "organic_brain_syndrome": 8, "visual_disturbance": 8,
    "cranial_nerve_disorder": 8, "lupus_headache": 8, "cva": 8, "vasculitis": 8,
    "arthritis": 4, "myositis": 4, "urinary_casts": 4, "haematuria": 4, "proteinuria": 4, "pyuria": 4,
    "rash": 2, "alopecia": 2, "mucosal_ulcers": 2, "pleurisy": 2, "pericarditis": 2,
    "low_complement": 2, "increased_dna_binding": 2,
    "fever": 1, "thrombocytopenia": 1, "leukopenia": 1,
}  # fmt: skip

#: Domain -> its descriptors; each descriptor stands once.
DOMAINS: dict[str, tuple[str, ...]] = {
    "cns": (
        "seizure", "psychosis", "organic_brain_syndrome", "visual_disturbance", "cranial_nerve_disorder",
        "lupus_headache", "cva",
    ),
    "vascular": ("vasculitis",),
    "musculoskeletal": ("arthritis", "myositis"),
    "renal": ("urinary_casts", "haematuria", "proteinuria", "pyuria"),
    "skin": ("rash", "alopecia", "mucosal_ulcers"),
    "serosa": ("pleurisy", "pericarditis"),
    "immunological": ("low_complement", "increased_dna_binding"),
    "constitutional": ("fever",),
    "haematological": ("thrombocytopenia", "leukopenia"),
}  # fmt: skip

#: The two descriptors that clinical SLEDAI leaves out.
SEROLOGY = DOMAINS["immunological"]
CLINICAL = tuple(name for name in WEIGHTS if name not in SEROLOGY)


def items_present(visits: pd.DataFrame) -> bool:
    """Tell whether a visits table has all 24 descriptors."""
    return set(WEIGHTS) <= set(visits.columns)


def _points(present: pd.DataFrame) -> pd.DataFrame:
    """Turn presence into points, missing where unknown."""
    return present.astype("Float64") * pd.Series(WEIGHTS, dtype="Float64")[list(present.columns)]


def descriptors(items: pd.DataFrame, entered: pd.Series | None = None) -> pd.DataFrame:
    """Tell which descriptors are present.

    Parameters
    ----------
    items : DataFrame, shape (n_visits, >= 24)
        One column a descriptor; present is any value above 0 (True, 1, or the weight itself), absent is 0 or False,
        unknown is missing.
    entered : Series, shape (n_visits,), optional
        The total written in the record. Where it equals the points of the descriptors known to be present it leaves no
        room for another: those not filled in are absent.

    Returns
    -------
    DataFrame of boolean, shape (n_visits, 24)
        Missing where unknown.
    """
    present = items[list(WEIGHTS)].apply(lambda column: pd.to_numeric(column.astype("Float64")) > 0).astype("boolean")
    if entered is None:
        return present
    full = (_points(present).sum(axis=1) == entered.astype("Float64")).fillna(False).astype(bool)
    return present.mask(present.isna().mul(full, axis=0), False)


def sledai_from_items(items: pd.DataFrame, entered: pd.Series | None = None) -> pd.DataFrame:
    """Sum the weighted descriptors.

    Parameters
    ----------
    items, entered : DataFrame, Series
        As for `descriptors`.

    Returns
    -------
    DataFrame of Float64, shape (n_visits, 4)
        In points, higher is more active. ``total``: missing where any descriptor is unknown, since an unknown
        descriptor is not an absent one. ``clinical``: total less low complement and increased DNA binding, which need
        not be known. ``low`` and ``high``: the total if every unknown descriptor were absent, or present.
    """
    present = descriptors(items, entered)
    points = _points(present)
    clinical = points[list(CLINICAL)]
    low = points.sum(axis=1).astype("Float64")
    unknown = present.isna().astype("Float64") * pd.Series(WEIGHTS, dtype="Float64")
    return pd.DataFrame(
        {
            "total": low.where(points.notna().all(axis=1)),
            "clinical": clinical.sum(axis=1).astype("Float64").where(clinical.notna().all(axis=1)),
            "low": low,
            "high": low + unknown.sum(axis=1),
        }
    )


def domain_scores(items: pd.DataFrame, entered: pd.Series | None = None) -> pd.DataFrame:
    """Sum the weighted descriptors of each domain.

    Returns
    -------
    DataFrame of Float64, shape (n_visits, 9)
        Columns as `DOMAINS`, in points; missing where a descriptor of the domain is unknown. They add up to the total.
    """
    points = _points(descriptors(items, entered))
    scores = {}
    for domain, names in DOMAINS.items():
        own = points[list(names)]
        scores[domain] = own.sum(axis=1).astype("Float64").where(own.notna().all(axis=1))
    return pd.DataFrame(scores)
