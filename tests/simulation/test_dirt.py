"""The list of planted errors and the raw files agree: nothing listed is absent, nothing else breaks a rule."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from datetime import datetime

import pytest

from lumier_analysis.simulation.descriptors import SLEDAI
from lumier_analysis.simulation.dirt import COUNTS
from lumier_analysis.simulation.ecrf import FRENCH_ITEMS

MISSING = ("", "ND", "NA", "NF", "non fait")


@pytest.fixture(scope="module")
def by_rule(planted):
    return {rule: [r for r in planted if r["rule"] == rule] for rule in {r["rule"] for r in planted}}


def keys(rows):
    return sorted((r["patient_id"], r["visit"]) for r in rows)


def date(text):
    try:
        return datetime.strptime(text, "%d/%m/%Y")
    except ValueError:
        return None


def inclusion(raw):
    return {r["NUM_PATIENT"]: date(r["DATE_INCLUSION"]) for r in raw("ecrf_patients.csv")}


def distinct(rows):
    return [dict(t) for t in dict.fromkeys(tuple(r.items()) for r in rows)]


def test_counts_and_one_error_a_patient(by_rule, planted):
    expected = COUNTS | {"plate_map_mismatch": 2 * COUNTS["plate_map_mismatch"], "identifying_column": 4}
    assert {rule: len(rows) for rule, rows in by_rule.items()} == expected
    patients = [r["patient_id"] for r in planted if r["patient_id"]]
    assert len(patients) == len(set(patients))


def test_duplicate_rows(raw, by_rule):
    lines = Counter(tuple(r.values()) for r in raw("ecrf_visites.csv"))
    twice = [{"patient_id": line[0], "visit": line[1]} for line, n in lines.items() if n > 1]
    assert keys(twice) == keys(by_rule["duplicate_row"])
    assert max(lines.values()) == 2


def test_impossible_dates_and_their_order(raw, by_rule):
    start = inclusion(raw)
    impossible, early = [], []
    for r in distinct(raw("ecrf_visites.csv")):
        place = {"patient_id": r["NUM_PATIENT"], "visit": r["VISITE"]}
        when = date(r["DATE_VISITE"])
        if when is None or when.year > 2100:
            impossible.append(place)
        elif when < start[r["NUM_PATIENT"]]:
            early.append(place)
            assert (start[r["NUM_PATIENT"]] - when).days > 60
    assert keys(impossible) == keys(by_rule["date_impossible"])
    assert keys(early) == keys(by_rule["date_order"])


def test_sledai_mismatches(raw, by_rule):
    weights = dict(zip(FRENCH_ITEMS.values(), SLEDAI.values(), strict=True))
    found = []
    for r in distinct(raw("ecrf_visites.csv")):
        items = {c: r[c] for c in weights}
        complete = set(items.values()) <= {"Oui", "Non"} and r["SLEDAI_TOTAL"] not in MISSING
        if complete and sum(w for c, w in weights.items() if items[c] == "Oui") != int(r["SLEDAI_TOTAL"]):
            found.append({"patient_id": r["NUM_PATIENT"], "visit": r["VISITE"]})
    assert keys(found) == keys(by_rule["sledai_total_mismatch"])


def test_implausible_values(raw, by_rule):
    found = []
    limits = {"C3": (0.1, 4.0), "C4": (0.005, 1.5), "PREDNISONE_MG": (0, 500), "PNN": (0, 60), "LYMPHOCYTES": (0, 60)}
    for r in distinct(raw("ecrf_visites.csv")):
        for column, (low, high) in limits.items():
            if r[column] not in MISSING and not low <= float(r[column].replace(",", ".")) <= high:
                found.append({"patient_id": r["NUM_PATIENT"], "visit": r["VISITE"]})
                assert column == "C3"
    assert keys(found) == keys(by_rule["value_implausible"])


def test_ineligible_patients(raw, by_rule):
    flags = {"CRITERES_ACR": ("acr_criteria", "Non"), "CONSENTEMENT": ("consent", "Non"),
             "GROSSESSE": ("pregnant", "Oui"), "ALLAITEMENT": ("lactating", "Oui"),
             "AUGM_TTT_3MOIS": ("treatment_increase", "Oui"),
             "POUSSEE_INCLUSION": ("flare_at_inclusion", "Oui")}  # fmt: skip
    found = set()
    for r in raw("ecrf_patients.csv"):
        age = int(r["DATE_INCLUSION"][-4:]) - int(r["ANNEE_NAISSANCE"])
        assert r["DATE_NAISSANCE"][-4:] == r["ANNEE_NAISSANCE"]
        assert age != 18  # a year of birth must not leave the criterion in doubt
        if age < 18:
            found.add((r["NUM_PATIENT"], "age"))
        found |= {(r["NUM_PATIENT"], name) for column, (name, bad) in flags.items() if r[column] == bad}
    found |= {
        (r["NUM_PATIENT"], "sledai")
        for r in raw("ecrf_visites.csv")
        if r["VISITE"] == "M0" and int(r["SLEDAI_TOTAL"]) > 4
    }
    assert found == {(r["patient_id"], r["field"]) for r in by_rule["ineligible"]}
    pregnant = next(r["patient_id"] for r in by_rule["ineligible"] if r["field"] == "pregnant")
    assert {r["SEXE"] for r in raw("ecrf_patients.csv") if r["NUM_PATIENT"] == pregnant} == {"F"}


def test_patients_in_both_cohorts(raw, by_rule):
    cohorts: dict[str, list[str]] = {}
    for r in raw("ecrf_patients.csv"):
        cohorts.setdefault(r["NUM_PATIENT"], []).append(r["COHORTE"])
    both = sorted(p for p, c in cohorts.items() if len(c) > 1)
    assert both == sorted(r["patient_id"] for r in by_rule["patient_in_both_cohorts"])
    assert all(sorted(cohorts[p]) == ["TEST", "VALIDATION"] for p in both)


def test_swapped_tubes(raw, by_rule, chip_tables):
    plan = {(r["PUCE"], r["ENTREE"]): r["CODE_TUBE"] for r in raw("plan_de_puces.csv")}
    wrong = set()
    for chip, table in chip_tables.items():
        for r in table[::96]:
            if plan[chip, r["well"][:3]] != r["sample"]:
                wrong.add((f"biomark/{chip}.csv", plan[chip, r["well"][:3]]))
    assert wrong == {(r["file"], r["sample_id"]) for r in by_rule["plate_map_mismatch"]}
    owner = {r["CODE_TUBE"]: (r["NUM_PATIENT"], r["VISITE"]) for r in raw("biobanque_tubes.csv")}
    assert all(owner[r["sample_id"]] == (r["patient_id"], r["visit"]) for r in by_rule["plate_map_mismatch"])


def test_identifying_columns_are_there_and_listed(raw, by_rule):
    assert all(r["field"] in raw(r["file"])[0] for r in by_rule["identifying_column"])
    assert any(r["COMMENTAIRE"] for r in raw("ecrf_visites.csv"))


def test_privacy_stop_file(study_folder, raw):
    text = (study_folder / "truth" / "privacy_stop" / "ecrf_patients.csv").read_bytes().decode("cp1252")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))
    assert [{k: v for k, v in r.items() if k not in ("NIR", "EMAIL")} for r in rows] == raw("ecrf_patients.csv")
    assert {len(r["NIR"]) for r in rows} == {13, 15}
    # Department 99, and a domain reserved for addresses that do not exist.
    assert all(re.fullmatch(r"[12]\d{4}99\d{6}(\d{2})?", r["NIR"]) for r in rows)
    assert all(re.fullmatch(r"[a-z.-]+@exemple\.invalid", r["EMAIL"]) for r in rows)
