"""Numbers of every dialect."""

from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.cycles import cycles, flags, numbers, shown

NONE = frozenset({""})


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("100,000,000.000", ".", 1e8),
        ("118,248.200", ".", 118248.2),
        ("2.183E-03", ".", 0.002183),
        ("1,5", ",", 1.5),
        ("1.234.567,25", ",", 1234567.25),
        ("1\u202f234,5", ",", 1234.5),
        ("1 234", ",", 1234.0),
        ("2,183E-03", ",", 0.002183),
        ("12", None, 12.0),
        ("-0.5", ".", -0.5),
    ],
)
def test_numbers(text: str, mark: str | None, value: float) -> None:
    assert numbers([text, ""], [1, 2], "a.txt", "quantity", mark, NONE)[0] == value


@pytest.mark.parametrize(
    ("text", "mark", "message"),
    [
        ("0,5", ".", "no number.*'0,5' on line 7"),
        ("1,23,456", ".", "no number"),
        ("1.2.3", ".", "no number"),
        ("inf", ".", "no number"),
        ("1_000", ".", "no number"),
        (".", ".", "no number"),
        ("1e999", ".", "too large"),
        ("1,000", None, r"two ways.*'1,000'.*decimal point"),
        ("Dupont Jeanne", ".", "words of 13 letters on line 7"),
    ],
)
def test_what_is_no_number(text: str, mark: str | None, message: str) -> None:
    with pytest.raises(RawDataError, match=message) as refused:
        numbers([text], [7], "a.txt", "quantity", mark, NONE)
    assert "Dupont" not in str(refused.value)


def test_cycles() -> None:
    written = ["24,5", "Undetermined", "UNDETERMINED", "N/A", "NaN", "", "999", "No Ct"]
    ct, mark = cycles(written, range(8), "a.txt")
    assert mark == "," and ct[0] == 24.5 and np.isnan(ct[1:]).all()
    assert cycles(["999.00", "24"], [1, 2], "a.txt")[1] == "."
    with pytest.raises(RawDataError, match=r"two decimal marks.*a point on line 4, a comma on line 5"):
        cycles(["24.5", "24,5"], [4, 5], "a.txt")
    for strange in ("346154024", "0.00", "-1.0"):
        with pytest.raises(RawDataError, match=r"outside 0 to 100 cycles.*on line 3"):
            cycles([strange], [3], "a.txt")


def test_flags() -> None:
    assert flags(["TRUE", "false", "vrai"], [1, 2, 3], "a.txt", "Omit").tolist() == [True, False, True]
    with pytest.raises(RawDataError, match=r"'Omit' that is neither true nor false.*'FAL' on line 9"):
        flags(["FAL"], [9], "a.txt", "Omit")


def test_shown() -> None:
    assert shown("12,5") == "'12,5'" and shown("n/a") == "'n/a'" and shown("Martin") == "words of 6 letters"
