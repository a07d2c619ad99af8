"""REDCap exports: raw and labels, checkboxes, repeats, the dictionary."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.legend import legend_of
from lumier_analysis.readers.redcap import checkbox_column, parse_choices, read_dictionary, read_redcap

DICTIONARY = """\
Variable / Field Name,Form Name,Section Header,Field Type,Field Label,"Choices, Calculations, OR Slider Labels"
record_id,patient,,text,Record ID,
sexe,patient,,radio,Sexe,"1, Femme | 2, Homme"
consent,patient,,yesno,Consentement,
visit_date,visit,,text,<b>Date de visite</b>,
c3,visit,,text,"C3 (g/L)",
skin,visit,,checkbox,Atteinte cutanée,"1, Rash | 2, Alopécie, diffuse | -9, Autre"
"""
RAW = """\
record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,sexe,consent,visit_date,c3,skin___1,skin___2,skin____9
01-001,m0_arm_1,,,1,1,,,,,
01-001,m0_arm_1,visit,1,,,2018-03-01,0.85,1,0,0
01-001,m0_arm_1,visit,2,,,2018-06-13,<0.2,0,0,1
02-001,m0_arm_1,,,2,0,,,,,
"""
LABELS = """\
Record ID,Event Name,Repeat Instrument,Repeat Instance,Sexe,Consentement,Date de visite,C3 (g/L),\
Atteinte cutanée (choice=Rash),"Atteinte cutanée (choice=Alopécie, diffuse)",Atteinte cutanée (choice=Autre)
01-001,M0,,,Femme,Yes,,,,,
01-001,M0,Visit,1,,,2018-03-01,0.85,Checked,Unchecked,Unchecked
01-001,M0,Visit,2,,,2018-06-13,<0.2,Unchecked,Unchecked,Checked
02-001,M0,,,Homme,No,,,,,
"""


@pytest.fixture
def dictionary(tmp_path: Path) -> Path:
    path = tmp_path / "dictionary.csv"
    path.write_text(DICTIONARY, encoding="utf-8")
    return path


def write(folder: Path, content: str) -> Path:
    path = folder / "redcap.csv"
    path.write_text(content, encoding="utf-8")
    return path


def test_raw_and_labels_give_the_same_columns_and_checkboxes(tmp_path: Path, dictionary: Path) -> None:
    raw = read_redcap(write(tmp_path, RAW), dictionary=dictionary)
    labels = read_redcap(write(tmp_path, LABELS), dictionary=dictionary)
    assert raw.columns.tolist() == labels.columns.tolist()
    same = ["record_id", "visit_date", "c3", "skin___1", "skin___2", "skin____9", "__row__"]
    assert raw[same].to_numpy().tolist() == labels[same].to_numpy().tolist()
    assert raw["skin___1"].tolist() == ["", "1", "0", ""]
    assert raw["__row__"].tolist() == [2, 3, 4, 5]
    assert raw["redcap_repeat_instrument"].tolist() == ["", "visit", "visit", ""]
    assert legend_of(raw).codes == {"sexe": {"1": "Femme", "2": "Homme"}, "consent": {"1": "Yes", "0": "No"}}


def test_labels_under_raw_headers_are_tidied_without_a_dictionary(tmp_path: Path) -> None:
    content = RAW.replace(",1,0,0\n", ",Checked,Unchecked,Unchecked\n").replace(
        ",0,0,1\n", ",Unchecked,Unchecked,Checked\n"
    )
    frame = read_redcap(write(tmp_path, content))
    assert frame["skin____9"].tolist() == ["", "0", "1", ""]
    assert legend_of(frame).codes == {}


def test_a_column_that_only_looks_like_a_checkbox_is_left_alone(tmp_path: Path) -> None:
    frame = read_redcap(write(tmp_path, "record_id,a___b\n1,high\n"))
    assert frame["a___b"].tolist() == ["high"]


def test_names_of_choices(dictionary: Path) -> None:
    assert checkbox_column("skin", "-9") == "skin____9"
    assert parse_choices("1, Rash | 2, Alopécie, diffuse | -9, Autre", "skin", "d.csv") == {
        "1": "Rash",
        "2": "Alopécie, diffuse",
        "-9": "Autre",
    }
    assert read_dictionary(dictionary)["visit_date"].label == "Date de visite"


@pytest.mark.parametrize("choices", ["1 Femme | 2, Homme", "1, Femme | 1, Homme"])
def test_choices_that_cannot_be_read(choices: str) -> None:
    with pytest.raises(RawDataError, match=r"d\.csv has choices.*field sexe, choice"):
        parse_choices(choices, "sexe", "d.csv")


def test_what_is_refused(tmp_path: Path, dictionary: Path) -> None:
    with pytest.raises(RawDataError, match=r"redcap\.csv is no REDCap data dictionary.*Variable / Field Name"):
        read_redcap(write(tmp_path, RAW), dictionary=tmp_path / "redcap.csv")
    with pytest.raises(RawDataError, match=r"no field in common.*columns NUM"):
        read_redcap(write(tmp_path, "NUM,VISITE\n1,M0\n"), dictionary=dictionary)
    with pytest.raises(RawDataError, match=r"checkbox column skin___1.*something else on line 3"):
        read_redcap(write(tmp_path, RAW.replace(",1,0,0\n", ",7,0,0\n")), dictionary=dictionary)
    lone = "record_id,redcap_repeat_instrument,redcap_repeat_instance,c3\n1,,2,0.8\n"
    with pytest.raises(RawDataError, match=r"repeat without its instrument.*line 2"):
        read_redcap(write(tmp_path, lone))
    twice = DICTIONARY.replace("Consentement", "Sexe")
    dictionary.write_text(twice, encoding="utf-8")
    with pytest.raises(RawDataError, match=r"may be one of several fields.*'Sexe': sexe, consent"):
        read_redcap(write(tmp_path, LABELS), dictionary=dictionary)
