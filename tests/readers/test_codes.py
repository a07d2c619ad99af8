"""Code lists: as codes, as labels, or through the file's own list; 1 and 2 are never guessed."""

from __future__ import annotations

import pandas as pd
import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import to_category, to_flag
from lumier_analysis.readers.codes import other_names


def text(*values: str | None) -> pd.Series:
    return pd.Series(values, name="CONSENTEMENT", dtype="str")


def test_flags_coded_one_and_two_need_the_plan() -> None:
    with pytest.raises(RawDataError, match=r'CONSENTEMENT is coded 1 and 2.*values: \{"1": "yes", "2": "no"\}'):
        to_flag(text("1", "2", "ND", ""), ["ND"])
    assert to_flag(text("1", "2", "ND"), ["ND"], {"1": "yes", "2": "no"}).values.tolist()[:2] == [True, False]
    assert to_flag(text("1", "2"), [], {"1": "no", "2": "yes"}).values.tolist() == [False, True]
    assert to_flag(text("1", "0", "2")).unreadable.tolist() == [False, False, True]


def test_declared_flags_read_nothing_else() -> None:
    read = to_flag(text("Présent", "absent", "Oui"), [], {"présent": "yes", "Absent": "no"})
    assert read.values.tolist()[:2] == [True, False]
    assert read.unreadable.tolist() == [False, False, True]


def test_a_label_of_the_file_outweighs_the_habit_that_one_is_yes() -> None:
    labels = {"1": "Non", "2": "Oui"}
    assert to_flag(text("1", "2"), labels=labels).values.tolist() == [False, True]
    assert to_flag(text("1", "2"), values={"Oui": "yes", "Non": "no"}, labels=labels).values.tolist() == [False, True]
    assert to_flag(text("1"), labels={"1": "Peut-être"}).unreadable.all()


def test_categories_by_code_by_label_and_back() -> None:
    labels = {"1": "Femme", "2": "Homme"}
    for values in ({"Femme": "female", "Homme": "male"}, {"1": "female", "2": "male"}):
        read = to_category(text("1", "Homme", "femme", "3", None), values, labels=labels)
        assert read.values.tolist()[:3] == ["female", "male", "female"]
        assert read.unreadable.tolist() == [False, False, False, True, False]


def test_a_label_of_two_codes_names_neither() -> None:
    names = other_names({"1": "Autre", "2": "Autre", "3": "Seul"})
    assert (names.get("Autre"), names.get("Seul"), names.get("1")) == (None, "3", "Autre")
