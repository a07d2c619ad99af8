"""SLEDAI-2K from its 24 descriptors.

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

#: The two descriptors that clinical SLEDAI leaves out.
SEROLOGY = ("low_complement", "increased_dna_binding")


def items_present(visits: pd.DataFrame) -> bool:
    """Tell whether a visits table has all 24 descriptors."""
    return set(WEIGHTS) <= set(visits.columns)


def sledai_from_items(items: pd.DataFrame) -> pd.DataFrame:
    """Sum the weighted descriptors.

    Parameters
    ----------
    items : DataFrame, shape (n_visits, >= 24)
        One column a descriptor; present is any value above 0 (True, 1, or the weight itself), absent is 0 or False,
        unknown is missing.

    Returns
    -------
    DataFrame, shape (n_visits, 2)
        ``total`` and ``clinical`` (total less low complement and increased DNA binding), in points, higher is more
        active; missing where any descriptor is missing, since an unknown item is not an absent one.
    """
    present = items[list(WEIGHTS)].apply(lambda column: pd.to_numeric(column.astype("Float64")) > 0)
    points = present.astype("Float64") * pd.Series(WEIGHTS, dtype="Float64")
    complete = present.notna().all(axis=1)
    total = points.sum(axis=1).where(complete)
    clinical = points.drop(columns=list(SEROLOGY)).sum(axis=1).where(complete)
    return pd.DataFrame({"total": total.astype("Float64"), "clinical": clinical.astype("Float64")})
