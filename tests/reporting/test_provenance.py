from __future__ import annotations

import json

import pytest

from lumier_analysis.reporting.provenance import (
    PACKAGES,
    ledger_origins,
    package_version,
    provenance,
    raw_file_hashes,
)
from lumier_analysis.study.io import sha256_file


@pytest.fixture
def recorded(study):
    """A record of a run that read its raw files in place."""
    folder = study.analysis / "run"
    folder.mkdir(parents=True)
    (folder / "clean.json").write_text(json.dumps({"key": {"raw:a.csv": "a" * 64, "plan": "b" * 64}}))
    (folder / "derive.json").write_text(json.dumps({"key": {}}))
    (folder / "broken.json").write_text("{")


def test_facts_name_plan_lock_and_packages_and_nobody(study, make_results, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1577836800")
    facts = dict(provenance(study, make_results()).facts)
    assert facts["Plan (SHA-256)"] == sha256_file(study.folder / "plan.yml")
    assert facts["Dependency lock (SHA-256)"] == "no lock"
    assert facts["Date"] == "2020-01-01"
    assert set(PACKAGES) <= set(facts)
    assert str(study.root) not in str(facts)


def test_without_a_fixed_date_there_is_none(study, make_results, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert "Date" not in dict(provenance(study, make_results()).facts)


def test_raw_files_as_the_notebooks_read_them(study, make_results, recorded):
    results = make_results(inputs={"01": {"raw/b.csv": "b" * 64, "plan.yml": "c" * 64}, "02": {"raw/a.csv": "a" * 64}})
    assert raw_file_hashes(study, results) == (("raw/a.csv", "a" * 64), ("raw/b.csv", "b" * 64))


def test_raw_files_of_the_raw_folder(study, make_results, recorded):
    (study.raw / "biomark").mkdir(parents=True)
    chip = study.raw / "biomark" / "chip_01.csv"
    chip.write_text("x")
    (study.raw / "notes.txt").write_text("not named by the plan")
    assert raw_file_hashes(study, make_results()) == (("raw/biomark/chip_01.csv", sha256_file(chip)),)


def test_raw_files_read_in_place_are_those_of_the_record(study, make_results, recorded):
    assert raw_file_hashes(study, make_results()) == (("raw/a.csv", "a" * 64),)


def test_no_raw_file_anywhere(study, make_results):
    assert raw_file_hashes(study, make_results()) == ()
    assert package_version("no-such-package") == "not installed"


def test_the_origin_of_each_number_by_notebook(study, make_entry, make_results):
    entries = (
        make_entry(),
        make_entry(
            "quality.few", 3, kind="count", plan_item="data_quality", notebook="01", cell=None, label="few rows"
        ),
        make_entry("validation.secondary.m0", plan_item="secondary_auc"),
    )
    results = make_results(*entries, inputs={"03_locked_validation": {"b.csv": "2" * 64, "a.csv": "1" * 64}})
    third, first = ledger_origins(results)
    assert (third.notebook, third.inputs) == ("03_locked_validation", (("a.csv", "1" * 64), ("b.csv", "2" * 64)))
    assert [n.id for n in third.numbers] == ["validation.primary.auc", "validation.secondary.m0"]
    (few,) = first.numbers
    assert (few.label, few.cell, few.plan_item, first.inputs) == ("Few rows", "", "data_quality", ())
    assert "3" not in few.label, "values stand where they are disclosed, not here"
    assert ("primary", "primary") in [(id, role) for id, _, role in provenance(study, results).analyses]
