from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest

from lumier_analysis.errors import DisclosureError, SignatureError
from lumier_analysis.estimate import Estimate
from lumier_analysis.qpcr import FrozenMeasurement
from lumier_analysis.reporting import Ledger, build_report
from lumier_analysis.reporting.model_card import model_card, write_model_card
from lumier_analysis.signature import LockContext, lock_module_score
from lumier_analysis.study.lockfile import lock_hash, write_lock


@pytest.fixture
def context():
    genes = ["IFI44", "IFIT1", "MX1"]
    return LockContext(
        modules={"M1.2": genes},
        scores={"interferon": ["M1.2"]},
        reference_genes=["HPRT1", "TBP"],
        mean=pd.Series({"IFI44": 1.0, "IFIT1": -2.0}),
        sd=pd.Series({"IFI44": 0.5, "IFIT1": 1.5}),
        scaling_reference="quiescent_first_visit",
        calibration=None,
        threshold=0.25,
        plan_hash="p" * 64,
        data_hash="d" * 64,
        measurement=FrozenMeasurement(25.0, pd.Series({"HPRT1": 12.0, "TBP": 14.0}), calibrator="IPC"),
    )


@pytest.fixture
def signature(context):
    return lock_module_score(context, "interferon")


def section(markdown: str, title: str) -> str:
    return markdown.split(f"## {title}\n")[1].split("\n## ")[0]


def test_the_card_says_what_the_signature_is_and_is_not(study, signature, make_results):
    text = model_card(study, signature, make_results()).markdown()
    assert text.startswith("# Model card: interferon\n")
    assert "> Simulated data" in text
    assert "mean of M1.2" in section(text, "What it is") and "score ≥ 0.2500" in section(text, "What it is")
    assert "at most 112 days later" in section(text, "Intended use")
    assert "not meant for treatment decisions" in section(text, "Intended use")
    assert "25.0 cycles" in section(text, "How a sample is scored") and "IPC" in section(text, "How a sample is scored")
    limits = section(text, "Limits")
    assert "not been validated" in limits and "left out: MX1" in limits
    assert "| IFI44 | 0.5000 | 1.0000 | 0.5000 |" in section(text, "Genes")
    assert signature.hashes["content"] in section(text, "Provenance")
    assert "no validation result yet" in section(text, "Performance")


def test_numbers_come_from_the_ledger_through_disclosure_control(study, signature, make_entry, make_results):
    results = make_results(
        make_entry("derivation.events", 3, kind="count", label="Test cohort: events"),
        make_entry("derivation.patients", 120, kind="count", label="Test cohort: patients"),
        make_entry("derivation.primary_score.auc", 0.7412, label="AUC of the pre-specified score"),
        make_entry("validation.primary.auc", 0.66),
        make_entry("validation.classification.ppv", 0.31, n_patients=3, label="Positive predictive value"),
    )
    card = model_card(study, signature, results)
    for text in (card.markdown(), card.html()):
        assert "0.741" in text and "AUC 0.66 (95 % CI 0.55 to 0.76)" in text
        assert "0.31" not in text and "[c]" in text  # rests on three patients
    assert "| Test cohort: events `derivation.events` | <5 |" in card.markdown()
    assert "Counts from 1 to 4 are shown as <5" in card.markdown()
    assert "not been validated" not in section(card.markdown(), "Limits")


def test_markdown_tables_have_one_width(study, signature, make_entry, make_results):
    text = model_card(study, signature, make_results(make_entry(label="AUC | odd"))).markdown()
    assert "AUC \\| odd" in text
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block
    assert "\n\n\n" not in text


def test_both_files_are_written_and_checked(study, signature):
    with pytest.raises(SignatureError, match="no locked signature to describe"):
        write_model_card(study)
    signature.save(study.signature_path)
    ledger = Ledger(study, "02_signature_derivation")
    estimate = Estimate(0.7, 0.05, 0.6, 0.8, method="AUC", n_patients=100, n_rows=300, n_events=20)
    ledger.add("derivation.primary_score.auc", estimate, plan_item="derivation", label="AUC of the score")
    ledger.save()
    markdown, page = write_model_card(study)
    assert (markdown.name, page.name) == ("model_card.md", "model_card.html")
    html = page.read_text(encoding="utf-8")
    assert "0.700" in html and "<script" not in html and "http" not in html
    before = (markdown.read_bytes(), page.read_bytes())
    write_model_card(study)
    assert (markdown.read_bytes(), page.read_bytes()) == before


def test_a_card_that_would_name_a_patient_is_not_written(study, context):
    study.write("patients", "test", pd.DataFrame({"patient_id": ["01-001"]}))
    named = lock_module_score(replace(context, scaling_reference="sample of 01-001"), "interferon")
    named.save(study.signature_path)
    with pytest.raises(DisclosureError):
        write_model_card(study)
    assert not (study.reports / "model_card.md").exists()


def test_a_signature_of_a_matrix_says_so(study, context, make_results):
    text = model_card(
        study, lock_module_score(replace(context, measurement=None), "interferon"), make_results()
    ).markdown()
    assert "an expression matrix" in text and "cannot be applied to PCR" in text and "cycles" not in text


def test_every_number_of_the_ledger_is_named_and_leads_to_its_line_in_the_report(study, signature):
    signature.save(study.signature_path)
    ledger = Ledger(study, "03_locked_validation")
    estimate = Estimate(0.7, 0.05, 0.6, 0.8, method="AUC", n_patients=100, n_rows=300, n_events=20)
    ledger.add("derivation.events", 3, plan_item="derivation", label="Test cohort: events")
    ledger.add("validation.primary.auc", estimate, plan_item="primary", label="AUC of the score")
    ledger.save()
    report = build_report(study).read_text(encoding="utf-8")
    html = (study.reports / "model_card.html").read_text(encoding="utf-8")
    links = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>', html)
    assert all(href.startswith("report.html#") for href, _ in links)
    assert {href.removeprefix("report.html#") for href, _ in links} <= set(re.findall(r'id="([^"]*)"', report))
    tables = html[html.index("Derivation data") : html.index("How a sample is scored")]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", tables)
    assert len([cell for cell in cells if cell]) > 5
    assert all(cell.startswith('<a href="report.html#number-') for cell in cells if cell)
    text = (study.reports / "model_card.md").read_text(encoding="utf-8")
    assert "| Test cohort: events `derivation.events` | <5 |" in text
    assert "Ledger: `validation.primary.auc`" in section(text, "Performance")


def test_it_names_the_lock_its_numbers_stand_under(study, signature, make_results):
    text = model_card(study, signature, make_results()).markdown()
    assert "| Plan lock (content hash) | the plan is not locked |" in section(text, "Provenance")
    empty = {"format_version": 1, "study": "tiny", "locked": "", "who": "", "record": {}, "previous": None}
    write_lock(study, empty | {"amendments": [], "parts": {"plan": "x"}})
    card = model_card(study, signature, make_results())
    for shown in (card.markdown(), card.html()):
        assert lock_hash(study) in shown and "Amendments" not in shown
    amendment = {"number": 1, "date": "2021", "who": "A B", "reason": "r", "openings": 0, "moved": 1, "entry": "e"}
    write_lock(study, empty | {"amendments": [amendment], "parts": {"plan": "x"}})
    text = model_card(study, signature, make_results()).markdown()
    assert "| Amendments of the plan | 1 |" in text and "A B" not in text
