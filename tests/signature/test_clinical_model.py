from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from lumier_analysis.errors import AnalysisError, SignatureError
from lumier_analysis.signature import ClinicalModel


@pytest.fixture
def model():
    names = ("intercept", "sledai", "anti_dsdna")
    return ClinicalModel(
        columns=("sledai", "anti_dsdna"),
        transformation={"sledai": "none", "anti_dsdna": "log2(1 + x)"},
        coefficients=dict(zip(names, (-3.0, 0.2, 0.5), strict=True)),
        standard_errors=dict.fromkeys(names, 0.1),
        df=dict.fromkeys(names, 40.0),
        fmi=dict.fromkeys(names, 0.1),
        n_rows=100,
        n_patients=50,
        n_events=12,
        n_missing={"sledai": 0, "anti_dsdna": 3},
        imputations=20,
        seed=1,
        data_hash="a" * 64,
        software="lumier-analysis",
    )


def test_linear_predictor_by_hand(model):
    frame = pd.DataFrame(
        {"sledai": pd.array([0, 4], dtype="Int64"), "anti_dsdna": [0.0, 7.0], "other": ["a", "b"]}, index=[5, 3]
    )
    lp = model.linear_predictor(frame)
    assert lp.tolist() == pytest.approx([-3.0, -3.0 + 0.8 + 1.5]) and lp.index.tolist() == [5, 3]
    assert model.risk(frame).tolist() == pytest.approx(expit(lp).tolist())


def test_missing_values_are_refused_with_their_number(model):
    frame = pd.DataFrame({"sledai": pd.array([0, None, 2], dtype="Int64"), "anti_dsdna": [np.nan, np.nan, 7.0]})
    for apply in (model.linear_predictor, model.risk):
        with pytest.raises(AnalysisError, match=r"sledai missing in 1 of 3 rows, anti_dsdna missing in 2 of 3"):
            apply(frame)
    with pytest.raises(AnalysisError, match="no anti_dsdna"):
        model.risk(frame[["sledai"]])


def test_estimates_carry_their_interval(model):
    e = model.estimates()["sledai"]
    # t quantile 0.975 with 40 df.
    assert (e.ci_low, e.ci_high) == pytest.approx((0.2 - 2.02108 * 0.1, 0.2 + 2.02108 * 0.1), abs=1e-6)
    assert (e.p_value < 0.05) == (e.ci_low > 0) and e.n_events == 12 and not e.note
    assert list(model.estimates()) == ["sledai", "anti_dsdna", "intercept"]
    assert "imputed" in model.estimates()["anti_dsdna"].note and "12 events" in model._repr_html_()


def test_save_and_load_to_the_byte(model, tmp_path):
    path = model.save(tmp_path / "clinical_model.json")
    read = ClinicalModel.load(path)
    assert replace(read, content_hash="") == model
    assert read.save(tmp_path / "again.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda c: c["coefficients"].update(sledai=0.9), "was altered"),
        (lambda c: c.update(columns=["anti_dsdna", "sledai"]), "was altered"),
        (lambda c: c.update(content_hash="0" * 64), "was altered"),
        (lambda c: c.update(data_hash="b" * 64), "was altered"),
        (lambda c: c.update(format_version=2), "format_version"),
        (lambda c: c["coefficients"].update(sledai=None), r"coefficients.sledai"),
        (lambda c: c.update(n_events="12"), "n_events"),
        (lambda c: c["transformation"].update(sledai="sqrt"), "transformation.sledai"),
        (lambda c: c.pop("df"), "missing: df; unknown: none"),
        (lambda c: c.update(extra=1), "missing: none; unknown: extra"),
    ],
)
def test_a_damaged_file_is_refused(model, tmp_path, damage, why):
    path = model.save(tmp_path / "clinical_model.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    damage(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(SignatureError, match=why):
        ClinicalModel.load(path)


def test_no_file_or_no_json(model, tmp_path):
    with pytest.raises(SignatureError, match=r"no clinical model at clinical_model\.json.*notebook 02"):
        ClinicalModel.load(tmp_path / "clinical_model.json")
    path = model.save(tmp_path / "clinical_model.json")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(SignatureError, match="not a JSON file"):
        ClinicalModel.load(path)
    path.write_text("[1]", encoding="utf-8")
    with pytest.raises(SignatureError, match="does not have the fields"):
        ClinicalModel.load(path)
