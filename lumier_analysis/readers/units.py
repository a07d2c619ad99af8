"""Units written inside values: "0,5 g/24h" is 0,5 where the plan's unit is g/24h, and is never read in another unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from lumier_analysis.readers.mojibake import repaired

_NUMBER_THEN_UNIT = re.compile(r"((?:<=|>=|[<>≤≥])?\s*[+\-\u2212]?[0-9][0-9 \u00a0\u202f\u2009.,]*)(.+)", re.DOTALL)
_EXPONENT = re.compile(r"[eE][+-]?[0-9]+")


class Units(NamedTuple):
    """Values without their units, on the index of the text.

    Attributes
    ----------
    text : Series of str
        The number alone where a known unit stood behind it, else the value as it was.
    factor : Series of float64
        What turns the number into the plan's unit; 1 where no other unit was written.
    other : Series of bool
        A number with a unit that the plan does not name: to be queried, not read.
    """

    text: pd.Series
    factor: pd.Series
    other: pd.Series


def plain_unit(unit: str) -> str:
    """Return a unit in one spelling: no spaces, one sign for micro, L for litre, IU for UI, superscripts as digits.

    Case is kept elsewhere, since G/L (10^9 per litre) and g/L are two units.
    """
    text = re.sub(r"\s|\u00a0|\u202f", "", repaired(unit)).replace("μ", "µ").replace("·", ".").replace("^", "")
    text = text.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻×", "0123456789-x"))
    text = re.sub(r"(?i)\b(?:ui|iu)\b", "IU", text)
    text = re.sub(r"\b([munpd]?)l\b", r"\1L", text)
    text = re.sub(r"(?i)24h(?:eures|ours|rs|r)?\b", "24h", text)
    return re.sub(r"(?i)/(?:jour|day|j|d)\b", "/d", text)


def without_units(text: pd.Series, unit: str, units: Mapping[str, float] | None = None) -> Units:
    """Take the units off a column of numbers.

    Parameters
    ----------
    text : Series of str
        Values as written, "<5" and plain numbers among them; what is no number is left alone.
    unit : str
        The plan's unit.
    units : mapping of str to float, optional
        Other units that values may carry, and the factors that turn them into `unit`.
    """
    factors = {plain_unit(name): factor for name, factor in (units or {}).items()}
    if unit:
        factors[plain_unit(unit)] = 1.0
    codes, distinct = pd.factorize(text)
    numbers: list[str] = []
    factor: list[float] = []
    other: list[bool] = []
    for raw in distinct:
        value = str(raw).strip()
        found = _NUMBER_THEN_UNIT.fullmatch(value)
        if found is None or _EXPONENT.fullmatch(found[2]) or not re.search(r"[^\W\d_]|[%‰°/]", found[2]):
            numbers.append(value)
            factor.append(1.0)
            other.append(False)
            continue
        known = factors.get(plain_unit(found[2]))
        numbers.append(value if known is None else found[1].strip())
        factor.append(1.0 if known is None else known)
        other.append(known is None)
    if not any(other) and all(n == str(d).strip() for n, d in zip(numbers, distinct, strict=True)):
        return Units(text, pd.Series(1.0, index=text.index), pd.Series(False, index=text.index))
    here = codes >= 0
    return Units(
        pd.Series([numbers[c] if c >= 0 else None for c in codes], index=text.index, name=text.name, dtype="str"),
        pd.Series(np.where(here, np.array([*factor, 1.0])[codes], 1.0), index=text.index),
        pd.Series(np.where(here, np.array([*other, False])[codes], False), index=text.index),
    )
