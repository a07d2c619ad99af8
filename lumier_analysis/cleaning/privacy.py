"""The privacy gate: identifying columns are removed if the plan lists them, and stop the run if it does not.

French rules (MR-001, CNIL deliberation 2018-153) bar names, full birth dates, contact details, NIR and IPP from a
research database. Messages name columns and counts, never a value.
"""

from __future__ import annotations

import re
import unicodedata

import pandas as pd

from lumier_analysis.errors import PrivacyError

#: Words of a column name that name a direct identifier.
NAME_WORDS = frozenset(
    [
        "nom",
        "noms",
        "prenom",
        "prenoms",
        "name",
        "firstname",
        "lastname",
        "surname",
        "forename",
        "nir",
        "ipp",
        "ipe",
        "ssn",
        "dob",
        "ddn",
        "telephone",
        "tel",
        "phone",
        "mobile",
        "portable",
        "adresse",
        "address",
        "email",
        "mail",
        "courriel",
        "mel",
        "secu",
    ]
)
#: Combinations of words that do so together.
NAME_PAIRS = (("date", "naissance"), ("birth", "date"), ("jour", "naissance"), ("code", "postal"), ("date", "birth"))

CONTENT = {
    "e-mail addresses": re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    "social security numbers (NIR)": re.compile(
        r"[12][ .]?\d{2}[ .]?\d{2}[ .]?(?:\d{2}|2[AB])[ .]?\d{3}[ .]?\d{3}(?:[ .]?\d{2})?"
    ),
    # The separator is the same throughout: 0.263888889 is a number, 02.63.88.88.89 is not.
    "telephone numbers": re.compile(r"(?:\+33 ?|0)[1-9]([ .-]?)\d{2}(?:\1\d{2}){3}"),
}


def _words(name: str) -> set[str]:
    """Split a column name into lower-case words without accents."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", plain)
    return set(re.split(r"[^a-z0-9]+", spaced.lower())) - {""}


def named_identifier(column: str) -> bool:
    """Tell whether a column name names a direct identifier."""
    words = _words(column)
    return bool(words & NAME_WORDS) or any(set(pair) <= words for pair in NAME_PAIRS)


def content_identifier(values: pd.Series) -> str:
    """Return what kind of identifier the values look like, or an empty string."""
    distinct = values.dropna().astype(str).str.strip().drop_duplicates()
    for kind, pattern in CONTENT.items():
        if distinct.str.fullmatch(pattern).any():
            return kind
    return ""


def remove_identifiers(raw: pd.DataFrame, file: str, drop: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Remove the columns that the plan lists and refuse any other identifier.

    Parameters
    ----------
    raw : DataFrame of strings
    file : str
        The file's key in the plan.
    drop : list of str
        ``privacy.drop`` of this file.

    Returns
    -------
    DataFrame
        Without the listed columns.
    list of str
        The columns removed.

    Raises
    ------
    PrivacyError
        A column outside the list identifies people, by its name or by its content. No value is echoed.
    """
    present = [c for c in drop if c in raw.columns]
    kept = raw.drop(columns=present)
    found = []
    for column in kept.columns:
        if column.startswith("__"):
            continue
        if named_identifier(column):
            found.append(f"{column} (by its name)")
        elif kind := content_identifier(kept[column]):
            found.append(f"{column} (looks like {kind})")
    if found:
        columns = ", ".join(f.split(" (")[0] for f in found)
        raise PrivacyError(
            f"The raw file '{file}' holds directly identifying columns, so the run stops before anything is written",
            found="; ".join(found),
            fix="delete the columns from the export, or list them in the plan, "
            f"privacy: {{drop: {{{file}: [{columns}]}}}}",
        )
    return kept, present
