from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

from lumier_analysis.simulation.ecrf import decimal_comma, french_date

PLAN = yaml.safe_load((Path(__file__).parents[2] / "data" / "synthetic" / "plan.yml").read_text(encoding="utf-8"))
TABLES = sorted(PLAN["tables"])


def test_numbers_and_dates():
    assert decimal_comma(np.array([0.954, 12.0]), 2).tolist() == ["0,95", "12,00"]
    assert french_date(np.array(["2018-03-05"], dtype="datetime64[D]")).tolist() == ["05/03/2018"]


@pytest.mark.parametrize("table", TABLES)
def test_plan_columns_and_codes_are_in_the_file(raw, table):
    spec = PLAN["tables"][table]
    rows = raw(PLAN["files"][spec["file"]]["path"])
    missing = set(PLAN["missing_codes"])
    for column in spec["columns"].values():
        values = {r[column["from"]] for r in rows} - missing
        if column["type"] == "category":
            assert values and values <= set(column["values"]), column["from"]
        if column["type"] == "flag":
            assert values <= {"Oui", "Non"}, column["from"]


@pytest.mark.parametrize("name", ["ecrf_patients", "ecrf_visites", "ecrf_poussees", "biobanque_tubes", "plan_de_puces"])
def test_dialect(study_folder, name):
    content = (study_folder / "raw" / f"{name}.csv").read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n")
    assert not content.startswith(b"\xef\xbb\xbf")


def test_accents_are_cp1252_and_not_utf8(study_folder):
    content = (study_folder / "raw" / "ecrf_patients.csv").read_bytes()
    assert "Fin d'étude".encode("cp1252") in content and "Décès".encode("cp1252") in content
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")


def test_missing_and_censored_codes_occur(raw):
    visits = raw("ecrf_visites.csv")
    assert {"", "ND", "NA", "non fait"} <= {r["C3"] for r in visits}
    assert {"<5", ">400"} <= {r["ADN_NATIF"] for r in visits}
    assert any(";" in r["COMMENTAIRE"] for r in visits)
    share = np.mean([r["C3"] in ("", "ND", "NA", "non fait") for r in visits])
    assert 0.015 < share < 0.05


def test_counts_and_rates(raw):
    patients = {r["NUM_PATIENT"]: r for r in raw("ecrf_patients.csv")}
    assert len(patients) == 300
    first = list(patients.values())
    assert {r["CENTRE"] for r in first} == {"01", "02", "03", "04", "05", "06"}
    assert all(r["NUM_PATIENT"].startswith(r["CENTRE"] + "-") for r in first)
    flares = raw("ecrf_poussees.csv")
    assert 40 <= len(flares) <= 95
    assert 0.7 < np.mean([r["DATE_DEBUT"] not in ("", "ND") for r in flares]) < 0.97
    for r in flares:
        assert "Oui" in [v for k, v in r.items() if k.startswith("CR")]
    tubes = raw("biobanque_tubes.csv")
    assert len({r["CODE_TUBE"] for r in tubes}) == len(tubes)
    assert 0.95 < len(tubes) / len(raw("ecrf_visites.csv")) < 0.99


def test_every_tube_has_its_visit_and_its_inlet(raw):
    visits = {(r["NUM_PATIENT"], r["VISITE"]) for r in raw("ecrf_visites.csv")}
    places = [r["CODE_TUBE"] for r in raw("plan_de_puces.csv") if r["CODE_TUBE"] not in ("IPC", "NTC")]
    tubes = raw("biobanque_tubes.csv")
    assert sorted(places) == sorted(r["CODE_TUBE"] for r in tubes)
    assert {(r["NUM_PATIENT"], r["VISITE"]) for r in tubes} <= visits


def test_flares_lie_inside_follow_up(raw):
    def day(text):
        return datetime.strptime(text, "%d/%m/%Y")

    patients = {r["NUM_PATIENT"]: r for r in raw("ecrf_patients.csv")}
    for r in raw("ecrf_poussees.csv"):
        person = patients[r["NUM_PATIENT"]]
        assert day(person["DATE_INCLUSION"]) < day(r["DATE_CONSTAT"]) <= day(person["DATE_SORTIE"])
        if r["DATE_DEBUT"] not in ("", "ND"):
            assert day(person["DATE_INCLUSION"]) < day(r["DATE_DEBUT"]) <= day(r["DATE_CONSTAT"])
