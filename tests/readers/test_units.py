"""Units inside values: the plan's are taken off, its others converted, all others reported."""

from __future__ import annotations

import pandas as pd
import pytest

from lumier_analysis.readers.units import plain_unit, without_units


@pytest.mark.parametrize(
    ("value", "number", "factor"),
    [
        ("0,5 g/24h", "0,5", 1),
        ("0,5g/24 h", "0,5", 1),
        ("500 mg/24h", "500", 0.001),
        ("<0,1 g/24h", "<0,1", 1),
        ("1 234,5 g/24h", "1 234,5", 1),
        ("12", "12", 1),
        ("1e3", "1e3", 1),
        ("non fait", "non fait", 1),
        ("", "", 1),
    ],
)
def test_known_units(value: str, number: str, factor: float) -> None:
    read = without_units(pd.Series([value], dtype="str"), "g/24h", {"mg/24h": 0.001})
    assert (read.text[0], read.factor[0], read.other[0]) == (number, factor, False)


@pytest.mark.parametrize("value", ["0,5 g/L", "3 mg", "12 %", "5 G/24h"])
def test_other_units_are_reported_and_left_as_they_are(value: str) -> None:
    read = without_units(pd.Series([value, "1"], dtype="str"), "g/24h")
    assert read.other.tolist() == [True, False]
    assert read.text.tolist() == [value, "1"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("µmol/L", "μmol/l"),
        ("µmol/L", "Âµmol/L"),
        ("UI/mL", "IU/ml"),
        ("10^9/L", "10⁹/L"),
        ("mg/jour", "mg/d"),
        ("g/24 heures", "g/24h"),
    ],
)
def test_spellings_of_one_unit(one: str, other: str) -> None:
    assert plain_unit(one) == plain_unit(other)


def test_giga_and_gram_are_two_units() -> None:
    assert plain_unit("G/L") != plain_unit("g/L")


def test_an_absent_value_stays_absent() -> None:
    read = without_units(pd.Series(["3 g", None], dtype="str"), "g")
    assert read.text[0] == "3" and pd.isna(read.text[1])
    assert read.factor.tolist() == [1, 1]
