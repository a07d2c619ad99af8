from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import SignatureError
from lumier_analysis.reporting.signature_card import signature_card
from lumier_analysis.signature import LockContext, fit_calibration, lock_module_score


@pytest.fixture
def signature():
    rng = np.random.default_rng(3)
    genes = ["IFI44", "IFIT1", "MX1"]
    x = pd.DataFrame(rng.standard_normal((60, 3)), columns=genes)
    event = rng.random(60) < 1 / (1 + np.exp(-x["IFI44"]))
    context = LockContext(
        modules={"M1.2": genes}, scores={"plasma_cell": ["M1.2"]}, reference_genes=["HPRT1", "TBP"], mean=x.mean(),
        sd=x.std(), scaling_reference="quiescent_first_visit", calibration=fit_calibration(event, x.mean(axis=1)),
        threshold=-0.25, plan_hash="p" * 64, data_hash="d" * 64,
    )  # fmt: skip
    return lock_module_score(context, "plasma_cell")


def test_without_a_lock_there_is_no_card(study):
    assert signature_card(study) is None


def test_the_card_names_score_genes_threshold_and_risk(study, signature):
    signature.save(study.signature_path)
    card = signature_card(study)
    facts = dict(card.facts)
    assert facts["Name"] == "plasma cell"
    assert facts["Kind"] == "pre-specified module score: mean of M1.2"
    assert facts["Scaled to"] == "quiescent first visit"
    assert facts["Threshold"] == "score ≥ −0.2500"
    assert facts["Risk"].startswith("expit(") and "-" not in facts["Risk"]
    assert facts["Derivation data"] == "d" * 64
    assert card.genes == ("IFI44", "IFIT1", "MX1")


def test_the_copy_beside_the_report_will_do(study, signature):
    signature.save(study.reports / "locked_signature.json")
    assert dict(signature_card(study).facts)["Genes"] == "3"


def test_a_lock_that_was_changed_is_refused(study, signature):
    path = signature.save(study.signature_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["threshold"] = 0.1
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(SignatureError):
        signature_card(study)
