"""Column names as a reader compares them: look-alike letters, case and spacing taken out."""

from __future__ import annotations

import unicodedata

#: Cyrillic and Greek letters that look like Latin ones; Applied Biosystems writes "Cт" with the Cyrillic te.
_LOOK_ALIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТУХавеѕіјкмнорстухΑΒΕΖΗΙΚΜΝΟΡΤΥΧοτ",
    "ABESIJKMHOPCTYXabesijkmhopctyxABEZHIKMNOPTYXot",
)
#: Marks without width, left by copying and by joined files.
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad"))


def fold_name(text: str) -> str:
    """Return a column name in the form in which names are compared.

    Examples
    --------
    >>> fold_name(" C\u0442  Mean ")
    'ct mean'
    """
    plain = unicodedata.normalize("NFKC", text).translate(_INVISIBLE).translate(_LOOK_ALIKE)
    return " ".join(plain.casefold().split())
