"""From a raw file of any format to a canonical table, each value with its file and row."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.tables import RowAccount, canonical_table
from lumier_analysis.errors import PlanError, RawDataError
from lumier_analysis.readers import read_file
from lumier_analysis.study.export_sections import FileSpec, TableSpec

COLUMNS: dict[str, Any] = {
    "patient_id": {"from": "NUM", "type": "text"},
    "sex": {"from": "SEXE", "type": "category", "values": {"Femme": "female", "Homme": "male"}},
    "date": {"from": "JOUR", "type": "date"},
    "sledai": {"from": "SLEDAI", "type": "integer"},
    "c3": {"from": "C3", "type": "number", "unit": "g/L"},
    "anti_dsdna": {"from": "ADN", "type": "censored"},
}


def make(
    folder: Path, file: dict[str, Any], name: str = "visits", columns: dict[str, Any] = COLUMNS, **table: Any
) -> tuple[pd.DataFrame, RowAccount, pd.DataFrame]:
    spec = FileSpec.model_validate(file)
    queries = Queries()
    raw = read_file(spec, folder)
    assert isinstance(raw, pd.DataFrame)
    plan = TableSpec.model_validate({"file": "f", "columns": columns} | table)
    made, account = canonical_table(raw, name, plan, spec, ["", "ND"], queries)
    return made, account, queries.frame()


def statistical(folder: Path) -> dict[str, dict[str, Any]]:
    """Write the same visits as CSV and in three statistical formats; return the plan's description of each."""
    frame = pd.DataFrame(
        {
            "NUM": ["001", "002", "003"],
            "SEXE": [1.0, 2.0, 1.0],
            "JOUR": [date(2018, 3, 13), None, date(2019, 1, 2)],
            "SLEDAI": [4.0, 0.0, np.nan],
            "C3": [0.85, 1.2, -9.0],
            "ADN": ["<5", "12,5", ">400"],
        }
    )
    labels = {"SEXE": {1.0: "Femme", 2.0: "Homme"}}
    pyreadstat.write_sav(frame, folder / "v.sav", variable_value_labels=labels, missing_ranges={"C3": [-9]})
    frame.loc[2, "C3"] = np.nan
    pyreadstat.write_dta(frame, folder / "v.dta", variable_value_labels={"SEXE": {1: "Femme", 2: "Homme"}})
    pyreadstat.write_xport(frame, folder / "v.xpt", file_format_version=5)
    (folder / "v.csv").write_text(
        "NUM;SEXE;JOUR;SLEDAI;C3;ADN\n001;Femme;13/03/2018;4;0,85;<5\n002;Homme;ND;0;1,2;12,5\n003;Femme;02/01/2019;;;>400\n"
    )
    mark = {"decimal": ","}
    return {
        "csv": {"path": "v.csv", "format": "delimited"},
        "sav": {"path": "v.sav", "format": "spss"} | mark,
        "dta": {"path": "v.dta", "format": "stata"} | mark,
        "xpt": {"path": "v.xpt", "format": "sas"} | mark,
    }


@pytest.mark.parametrize("kind", ["csv", "sav", "dta", "xpt"])
def test_every_format_gives_the_same_table_and_keeps_its_place(tmp_path: Path, kind: str) -> None:
    file = statistical(tmp_path)[kind]
    columns = dict(COLUMNS)
    if kind == "xpt":  # a transport file holds no labels: the plan lists codes
        columns["sex"] = {"from": "SEXE", "type": "category", "values": {"1": "female", "2": "male"}}
    table, account, queries = make(tmp_path, file, columns=columns)
    assert table["patient_id"].tolist() == ["001", "002", "003"]
    assert table["sex"].tolist() == ["female", "male", "female"]
    assert table["date"].dt.strftime("%Y-%m-%d").fillna("-").tolist() == ["2018-03-13", "-", "2019-01-02"]
    assert table["sledai"].fillna(-1).tolist() == [4, 0, -1]
    assert table["c3"].fillna(-1).tolist() == [0.85, 1.2, -1]
    assert table["anti_dsdna"].tolist() == [5, 12.5, 400]
    assert table["anti_dsdna_censored"].tolist() == ["<", "", ">"]
    assert table["source_file"].tolist() == [file["path"]] * 3
    assert table["source_row"].tolist() == ([2, 3, 4] if kind == "csv" else [1, 2, 3])
    assert (account.read, account.used, len(queries)) == (3, 3, 0)


REDCAP = """\
record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,sexe,visit_date,sledai,skin___1
01-001,m0_arm_1,,,1,,,
01-001,m0_arm_1,visit,1,,2018-03-01,4,1
01-001,m0_arm_1,visit,2,,2018-06-13,0,0
02-001,m0_arm_1,,,2,,,
02-001,m0_arm_1,lab,1,,,,
"""
DICTIONARY = """\
Variable / Field Name,Form Name,Field Type,Field Label,"Choices, Calculations, OR Slider Labels"
record_id,patient,text,ID,
sexe,patient,radio,Sexe,"1, Femme | 2, Homme"
visit_date,visit,text,Date,
sledai,visit,text,SLEDAI,
skin,visit,checkbox,Peau,"1, Rash"
"""
REDCAP_VISITS = {
    "patient_id": {"from": "record_id", "type": "text"},
    "date": {"from": "visit_date", "type": "date"},
    "sledai": {"from": "sledai", "type": "integer"},
    "rash": {"from": "skin___1", "type": "flag"},
}


def test_a_redcap_export_gives_patients_and_visits(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(REDCAP)
    (tmp_path / "d.csv").write_text(DICTIONARY)
    file = {"path": "r.csv", "format": "redcap", "dictionary": "d.csv"}
    visits, account, _ = make(tmp_path, file, columns=REDCAP_VISITS, where={"redcap_repeat_instrument": ["visit"]})
    assert visits["source_row"].tolist() == [3, 4]
    assert visits["sledai"].tolist() == [4, 0]
    assert visits["rash"].tolist() == [True, False]
    assert (account.read, account.other, account.used) == (5, 3, 2)
    patients, _, _ = make(
        tmp_path,
        file,
        "patients",
        {
            "patient_id": {"from": "record_id", "type": "text"},
            "sex": {"from": "sexe", "type": "category", "values": {"Femme": "female", "Homme": "male"}},
            "cohort": {"from": "redcap_event_name", "type": "category", "values": {"m0_arm_1": "test"}},
        },
        where={"redcap_repeat_instrument": [""]},
    )
    assert patients["sex"].tolist() == ["female", "male"]


def test_rows_of_several_instruments_are_not_mixed(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(REDCAP)
    with pytest.raises(
        PlanError,
        match=r"table visits.*several instruments.*no repeating instrument, lab, visit.*tables\.visits\.where",
    ):
        make(tmp_path, {"path": "r.csv", "format": "redcap"}, columns=REDCAP_VISITS)


CSV = "NUM;JOUR;SLEDAI\n1;13/03/2018;4\n2;14/03/2018;0\n"
FEW = {key: COLUMNS[key] for key in ("patient_id", "date", "sledai")}


def test_a_row_without_patient_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV.replace("\n2;", "\n;"))
    with pytest.raises(RawDataError, match=r"without patient identifier.*row 3"):
        make(tmp_path, {"path": "a.csv", "format": "delimited"}, columns=FEW)


def test_no_row_left_is_a_fault_of_the_plan(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    with pytest.raises(PlanError, match=r"keeps no row.*tables\.visits\.where"):
        make(tmp_path, {"path": "a.csv", "format": "delimited"}, columns=FEW, where={"NUM": ["9"]})


def test_a_wrongly_decoded_header_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV.replace("SLEDAI", "ActivitÃ©"), encoding="utf-8")
    columns = FEW | {"sledai": {"from": "Activité", "type": "integer"}}
    with pytest.raises(RawDataError, match=r"no column Activité.*did you mean ActivitÃ©"):
        make(tmp_path, {"path": "a.csv", "format": "delimited"}, columns=columns)


def test_the_schema_is_held_at_the_border(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    with pytest.raises(PlanError, match=r"tables\.visits\.columns\.sledai\.type to number"):
        make(
            tmp_path,
            {"path": "a.csv", "format": "delimited"},
            columns=FEW | {"sledai": {"from": "SLEDAI", "type": "text"}},
        )
