"""The definitions as a clinician reads them: every drawn patient of docs/definitions is computed."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

from lumier_analysis.cleaning.escalation import treatment_escalations
from lumier_analysis.cleaning.flares import MILD, SEVERE, classify_flares
from lumier_analysis.cleaning.landmarks import landmark_table
from lumier_analysis.cleaning.prednisone import prednisone_equivalent
from lumier_analysis.cleaning.sledai import domain_scores, sledai_from_items
from lumier_analysis.cleaning.sledai_flares import flares_from_sledai, without_serology
from lumier_analysis.cleaning.target_states import with_target_states
from lumier_analysis.study import project_root
from lumier_analysis.study.sections import Flare, Landmarks

# pytest's importlib mode puts no folder of tests on the path.
sys.path.insert(0, str(Path(__file__).parent))
d = importlib.import_module("drawn")

PAGES = project_root() / "docs/definitions"


def sledai(p):
    items = d.items_of(p.rows)
    if "cns" in p.expected:
        return domain_scores(items)
    return sledai_from_items(items, d.numbers(p.rows, "entered"))


def flare_index(p):
    met = [set(d.listed(row["criteria met"])) for row in p.rows]
    assert set().union(*met) <= {*MILD, *SEVERE}
    flares = pd.DataFrame([{c: c in own for c in (*MILD, *SEVERE)} for own in met]).astype("boolean")
    if "criteria without serology" in p.expected:
        flares = flares.assign(patient_id="P", detection_day=91)
        before, at = (d.number(p.rows[0][f"clinical SLEDAI {when}"]) for when in ("before", "at the flare"))
        visits = pd.DataFrame({"patient_id": "P", "day": [0, 91], "clinical_sledai": [before, at]})
        judged = classify_flares(without_serology(flares, visits.astype({"clinical_sledai": "Float64"})), "sfi_any")
        return {"criteria without serology": judged["criteria"].replace("", "none"), "flare": judged["is_flare"]}
    flares["adjudicated"] = d.flags(p.rows, "adjudicated")
    found = {"adjudicated flare": classify_flares(flares, "adjudicated")["is_flare"]}
    for words, medication in (("", True), (" without medication", False)):
        judged = classify_flares(flares, "sfi_any", medication_criteria=medication)
        found[f"severity{words}"] = judged["severity"].fillna("none")
        found[f"any{words}"] = judged["is_flare"]
        severe = classify_flares(flares, "sfi_severe", medication_criteria=medication)
        found[f"severe{words}"] = severe["is_flare"]
    return found


def sledai_flare(p):
    visits = pd.DataFrame({"patient_id": "P", "day": d.numbers(p.rows, "day").astype("Int64")})
    visits["sledai"], visits["clinical_sledai"] = d.numbers(p.rows, "SLEDAI"), d.numbers(p.rows, "clinical SLEDAI")
    found = {}
    for column, settings in (
        ("rise of 3", {"increase": 3}),
        ("rise of 4", {"increase": 4}),
        ("rise of 3 without serology", {"increase": 3, "clinical": True}),
    ):
        days = flares_from_sledai(visits, quiescent_max=4, **settings)["day"]
        found[column] = visits["day"].isin(days)
    return found


def treatment_visits(p):
    visits = pd.DataFrame({"patient_id": "P", "day": d.numbers(p.rows, "day").astype("Int64")})
    visits["prednisone"] = d.numbers(p.rows, "prednisone")
    for name in ("hydroxychloroquine", "immunosuppressant"):
        if name in p.columns:
            visits[name] = d.flags(p.rows, name)
    return visits


def treatment_escalation(p):
    days = [d.number(row["flare"]) for row in p.rows if row["flare"]]
    flares = pd.DataFrame({"patient_id": ["P"] * len(days), "day": days, "detection_day": days, "is_flare": True})
    visits = treatment_visits(p)
    found = treatment_escalations(visits, flares.astype({"day": "Int64", "detection_day": "Int64"})).set_index("day")
    there = visits["day"].isin(found.index)
    return {
        "escalation": visits["day"].map(found["treatments"]).astype(object).where(there, "no"),
        "with flare": visits["day"].map(found["with_flare"]).astype(object).where(there, ""),
    }


def target_state(p):
    visits = treatment_visits(p).join(d.items_of(p.rows))
    sums = sledai_from_items(visits)
    visits["sledai"], visits["pga"] = sums["total"], d.numbers(p.rows, "PGA")
    visits["clinical_flare"] = d.flags(p.rows, "clinical flare") if "clinical flare" in p.columns else False
    for name in ("azathioprine", "methotrexate"):
        if name in p.columns:
            visits[f"{name}_dose"] = d.numbers(p.rows, name)
    for name in ("haemolytic anaemia", "gastrointestinal activity"):
        if name in p.columns:
            visits[name.replace(" ", "_")] = d.flags(p.rows, name)
    judged = with_target_states(visits)
    column = p.expected[0]
    return {column: judged[column.lower()], "cannot be judged for": judged[f"{column.lower()}_unjudged"]}


def prednisone(p):
    drug = pd.Series([None if row["drug"] == "?" else row["drug"] for row in p.rows], dtype="string")
    equivalent, unknown = prednisone_equivalent(drug, d.numbers(p.rows, "dose"))
    return {"prednisone": equivalent, "query": unknown}


def landmarks(p):
    visits, samples, flares, end, end_reason = [], [], [], None, "completed"
    for row in p.rows:
        day, note = d.number(row["day"]), row["note"]
        dose = re.search(r"prednisone (\d+)", note)
        if row["record"] == "end":
            end, end_reason = day, note
            continue
        if row["record"] == "flare":
            onset = re.search(r"onset (\d+)", note) if "no onset" not in note else None
            flares.append((float(onset[1]) if onset else None, day))
        visits.append(
            (row["record"], day, d.number(row["SLEDAI"]), "clinical flare" in note, float(dose[1]) if dose else 5.0)
        )
        if row["record"] != "flare" and note != "no sample":
            drawn = re.search(r"sample day (\d+)", note)
            reason = "RIN below 6" if note == "sample fails" else ""
            samples.append((row["record"], float(drawn[1]) if drawn else day, not reason, reason))
    table = pd.DataFrame(visits, columns=["visit", "day", "sledai", "clinical_flare", "prednisone"])
    table = table.assign(patient_id="P", scheduled=table["visit"] != "flare").astype({"day": "Int64"})
    tubes = pd.DataFrame(samples, columns=["visit", "day", "qc_pass", "qc_reason"])
    tubes = tubes.assign(patient_id="P", sample_id="S" + tubes["visit"]).astype({"day": "Int64"})
    found = pd.DataFrame(flares, columns=["onset_day", "detection_day"]).astype("Int64")
    found = found.assign(patient_id="P", is_flare=True, day=found["onset_day"].fillna(found["detection_day"]))
    patient = pd.DataFrame(
        {"patient_id": ["P"], "cohort": "test", "centre": "01", "reason": "", "end_day": end, "end_reason": end_reason}
    ).astype({"end_day": "Float64"})
    sections = {"landmarks": {}, "flare": {}}
    for key, value in p.settings.items():
        section, name = key.split(".")
        sections[section][name] = value
    rules = Landmarks.model_validate(sections["landmarks"])
    marks = landmark_table(patient, table, found, tubes, rules, Flare.model_validate(sections["flare"]))
    marks = marks.set_index("visit")
    shown, why = [], []
    for row in p.rows:
        if row["record"] not in marks.index:
            shown.append("")
            why.append("")
            continue
        mark = marks.loc[row["record"]]
        outcome = "competing" if mark["competing"] else {1: "flare", 0: "no flare"}.get(mark["event"], "out")
        shown.append(outcome if mark["included"] else "out")
        why.append(mark["reason"])
    return {"landmark": shown, "why": why}


COMPUTE = {
    "sledai": sledai,
    "clinical_sledai": sledai,
    "flare_index": flare_index,
    "sledai_flare": sledai_flare,
    "treatment_escalation": treatment_escalation,
    "lldas": target_state,
    "doris": target_state,
    "prednisone": prednisone,
    "landmarks": landmarks,
}
DRAWN = [p for path in sorted(PAGES.glob("*.md")) for p in d.drawn_patients(path)]


def test_every_page_is_computed_and_no_page_is_missing():
    assert {p.page for p in DRAWN} == set(COMPUTE) == {path.stem for path in PAGES.glob("*.md")}
    index = (PAGES.parent / "definitions.md").read_text(encoding="utf-8")
    for page in COMPUTE:
        assert f"(definitions/{page}.md)" in index


@pytest.mark.parametrize("patient", DRAWN, ids=str)
def test_the_drawn_patient(patient):
    computed = COMPUTE[patient.page](patient)
    d.check(patient, {c: list(computed[c]) for c in patient.expected})


def test_a_difference_names_patient_line_and_column():
    patient = d.Drawn("lldas", "A quiet", [{"patient": "A quiet", "day": "91", "LLDAS": "yes"}], ["LLDAS"])
    with pytest.raises(AssertionError, match=r"lldas\.md\nA quiet, day 91, LLDAS: the page says yes, computed no"):
        d.check(patient, {"LLDAS": [False]})
