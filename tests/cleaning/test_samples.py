"""Samples: a matrix is measured, samples are judged, visits are found."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumier_analysis.cleaning.measured import Measured
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.samples import attach_visits, judge_samples, measure_matrix


def test_samples_are_judged_by_measurement_and_rin(qpcr_run) -> None:
    _, plan = qpcr_run
    samples = pd.DataFrame({"sample_id": ["a", "b", "c", "d", "e"], "rin": [8.0, 5.0, 8.0, np.nan, 8.0]})
    failed = pd.Series({"a": "", "b": "", "c": "too many untrusted reactions", "e": "plate map and chip disagree"})
    queries = Queries()
    measured = Measured(pd.DataFrame(), failed, pd.DataFrame(), {})
    judged = judge_samples(samples, measured, plan, queries)
    assert judged["qc_reason"].tolist() == [
        "",
        "RIN below 6",
        "too many untrusted reactions",
        "no expression measured",
        "plate map and chip disagree",
    ]
    assert judged["qc_pass"].tolist() == [True, False, False, False, False]
    # The disputed tube has its own query already.
    assert queries.frame()["sample_id"].tolist() == ["b", "c", "d"]


def test_a_sample_finds_its_visit_by_day_and_its_day_by_visit() -> None:
    visits = pd.DataFrame({"patient_id": ["p", "p"], "visit": ["M0", "M3"], "day": [0, 91]}).astype({"day": "Int64"})
    by_day = attach_visits(pd.DataFrame({"patient_id": ["p", "p"], "day": [91, 5]}).astype({"day": "Int64"}), visits)
    assert by_day["visit"].fillna("none").tolist() == ["M3", "none"]
    undated = pd.DataFrame({"patient_id": ["p"], "visit": ["M3"], "day": [pd.NA]}).astype({"day": "Int64"})
    assert attach_visits(undated, visits)["day"].tolist() == [91]


def test_a_matrix_carries_its_reference_genes(qpcr_run) -> None:
    _, plan = qpcr_run
    settings = plan.expression.model_copy(update={"source": "matrix", "scale": "log2", "floor": None})
    plan = plan.model_copy(update={"expression": settings})
    rng = np.random.default_rng(1)
    genes = [*plan.panel.reference_genes, *plan.panel.genes]
    samples = [f"s{i}" for i in range(30)]
    log2 = pd.DataFrame(rng.normal(9, 1, (len(genes), 30)), index=[f"p{i}" for i in range(len(genes))], columns=samples)
    annotation = pd.DataFrame({"probe": log2.index, "gene": genes})
    measured = measure_matrix(log2, annotation, set(samples[:20]), plan)
    assert measured.reference_log2 is not None
    assert measured.references is not None
    np.testing.assert_allclose(measured.reference_log2, log2.iloc[:4].T, rtol=1e-12)
    assert measured.references.samples == 20
    assert measured.references.genes == plan.panel.reference_genes
    assert measured.quality is None
    assert measured.components is not None
    np.testing.assert_allclose(measured.log2["I0"], log2.loc["p4"] - log2.iloc[:4].mean(), rtol=1e-12)
