"""Steroid doses in prednisone equivalents, from the drug as French records name it.

Equivalent doses (5 mg prednisone = 5 mg prednisolone = 4 mg methylprednisolone or triamcinolone = 0.75 mg dexamethasone
or betamethasone = 20 mg hydrocortisone = 25 mg cortisone) are the pharmacists' convention, by anti-inflammatory
potency; ASSUMED, since neither the registry record nor an instrument fixes them.
"""

from __future__ import annotations

import re
import unicodedata

import pandas as pd

#: Drug -> mg of prednisone that 1 mg stands for. ASSUMED.
FACTORS: dict[str, float] = {
    "prednisone": 1.0,
    "prednisolone": 1.0,
    "methylprednisolone": 1.25,
    "triamcinolone": 1.25,
    "dexamethasone": 6.7,
    "betamethasone": 6.7,
    "hydrocortisone": 0.25,
    "cortisone": 0.2,
}
#: What the drug is called, without accents: international and French names, and brands of systemic forms.
NAMES: dict[str, tuple[str, ...]] = {
    "prednisone": ("prednisone", "cortancyl", "pred", "pdn"),
    "prednisolone": ("prednisolone", "solupred", "hydrocortancyl"),
    "methylprednisolone": ("methylprednisolone", "medrol", "solumedrol"),
    "triamcinolone": ("triamcinolone", "kenacort"),
    "dexamethasone": ("dexamethasone", "dectancyl", "neofordex", "soludecadron"),
    "betamethasone": ("betamethasone", "celestene", "betnesol"),
    "hydrocortisone": ("hydrocortisone",),
    "cortisone": ("cortisone",),
}
_DRUG = {name: drug for drug, names in NAMES.items() for name in names}
#: Words that mean that no steroid is taken.
_NONE = {"aucun", "aucune", "non", "none", "no", "0"}


def _words(text: str) -> list[str]:
    """Return the words of a name without accents, in small letters."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    return re.findall(r"[a-z]+|\d+", plain)


def _drug(text: str) -> str | None:
    """Return the drug that a text names; None where it names none or more than one."""
    found = {_DRUG[word] for word in _words(text) if word in _DRUG}
    return found.pop() if len(found) == 1 else None


def prednisone_equivalent(drug: pd.Series, dose: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Convert daily doses to prednisone.

    Parameters
    ----------
    drug : Series of str
        As written: "Cortancyl", "SOLUPRED 20 mg cp", "Médrol".
    dose : Series of float
        mg/day of that drug.

    Returns
    -------
    equivalent : Series of Float64
        mg/day of prednisone; 0 where the dose is 0, or where the drug says "aucun" and no dose is given. Missing where
        the dose is missing, and where a dose above 0 has a drug that is missing or unknown: it is not taken for
        prednisone.
    unknown : Series of bool
        Doses above 0 that could not be converted, and doses below 0; to be queried.
    """
    text = drug.astype("string")
    amount = dose.astype("Float64")
    factor = text.map(lambda t: FACTORS.get(_drug(t) or ""), na_action="ignore").astype("Float64")
    none = text.map(lambda t: bool(_words(t)) and set(_words(t)) <= _NONE, na_action="ignore")
    none = none.astype("boolean").fillna(False).astype(bool)
    equivalent = (amount * factor).mask((amount == 0).fillna(False).astype(bool), 0.0)
    equivalent = equivalent.mask(none & amount.isna(), 0.0)
    negative = (amount < 0).fillna(False).astype(bool)
    unknown = negative | ((amount > 0).fillna(False).astype(bool) & factor.isna())
    return equivalent.mask(negative), unknown


def with_prednisone(visits: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Add ``prednisone`` to visits that record steroids as drug and dose.

    Parameters
    ----------
    visits : DataFrame
        Column pairs steroid and steroid_dose, steroid_2 and steroid_2_dose, ... (mg/day); without any, nothing changes.

    Returns
    -------
    visits : DataFrame
        With ``prednisone``: the recorded one where the study has it and it is known, else the sum of the pairs, a pair
        left empty counting as no second drug but the first pair always needed.
    unknown : Series of bool
        Visits with a dose that could not be converted; their prednisone is missing unless recorded.
    """
    pairs = sorted(c for c in map(str, visits.columns) if re.fullmatch(r"steroid(_\d+)?", c) and f"{c}_dose" in visits)
    unknown = pd.Series(False, index=visits.index)
    if not pairs:
        return visits, unknown
    total = pd.Series(0.0, index=visits.index, dtype="Float64")
    for name in pairs:
        amount, bad = prednisone_equivalent(visits[name], visits[f"{name}_dose"])
        empty = visits[name].isna() & visits[f"{name}_dose"].isna()
        total = total + (amount if name == pairs[0] else amount.mask(empty, 0.0))
        unknown = unknown | bad
    recorded = visits["prednisone"].astype("Float64") if "prednisone" in visits else None
    used = total if recorded is None else recorded.fillna(total)
    return visits.assign(prednisone=used), unknown
