from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import SignatureError
from lumier_analysis.signature import LockedSignature, lock_module_score


@pytest.fixture
def signature(context):
    return lock_module_score(context, "ab")


@pytest.fixture
def path(signature, tmp_path):
    return signature.save(tmp_path / "locked_signature.json")


def test_round_trip_is_exact(signature, path, cohort, tmp_path):
    again = LockedSignature.load(path)
    assert again == signature
    pd.testing.assert_frame_equal(again.score(cohort.features), signature.score(cohort.features), check_exact=True)
    assert again.save(tmp_path / "copy.json").read_bytes() == path.read_bytes()


def test_table_of_scores(signature, cohort, context):
    table = signature.score(cohort.features)
    assert table.index.name == "sample_id"
    assert list(table.columns) == ["score", "risk", "flag", "scorable", "reason"]
    np.testing.assert_allclose(table["risk"], context.calibration.risk(table["score"]), rtol=1e-12)
    assert (table["flag"].astype(bool) == (table["score"] >= 0.25)).all()
    assert (table["reason"] == "").all()


def test_a_sample_scores_alike_alone_and_in_company(signature, cohort):
    """Nothing is re-scaled on the samples given."""
    whole = signature.score(cohort.features)
    alone = signature.score(cohort.features.iloc[[17]])
    pd.testing.assert_frame_equal(alone, whole.iloc[[17]], check_exact=True)


def test_missing_genes(signature, cohort):
    x = cohort.features.iloc[:3].copy()
    x.iloc[1, :2] = np.nan  # half of A
    x.iloc[2, :3] = np.nan
    table = signature.score(x)
    assert table["scorable"].tolist() == [True, True, False]
    assert table["reason"].iloc[2] == "fewer than 50% of the genes of A"
    assert np.isnan(table["score"].iloc[2]) and np.isnan(table["risk"].iloc[2]) and table["flag"].isna().iloc[2]
    pd.testing.assert_frame_equal(signature.score(x.drop(columns=["b1"])), signature.score(x.assign(b1=np.nan)))


def test_module_scores(signature, cohort):
    table = signature.module_scores(cohort.features.assign(c1=np.nan))
    assert list(table.columns) == ["A", "B", "C", "ab", "c"]
    np.testing.assert_allclose(table["ab"], signature.score(cohort.features)["score"], atol=1e-12)
    z = (cohort.features["c2"] - signature.scaling["c2"]["mean"]) / signature.scaling["c2"]["sd"]
    np.testing.assert_allclose(table["C"], z, atol=1e-12)


def test_agrees_with_the_module_scores_of_qpcr(signature, cohort):
    modules = pytest.importorskip("lumier_analysis.qpcr.modules")
    scaling = modules.Scaling(cohort.features.mean(), cohort.features.std(), len(cohort.features))
    holes = cohort.features.mask(np.random.default_rng(0).random(cohort.features.shape) < 0.3)
    theirs = modules.module_scores(holes, signature.modules, scaling)
    theirs = theirs.join(modules.composite(theirs, signature.scores))
    ours = signature.module_scores(holes)
    np.testing.assert_allclose(ours.to_numpy(), theirs[ours.columns].to_numpy(), atol=1e-12)


def test_unusable_expression_is_refused(signature, cohort):
    x = cohort.features.iloc[:2]
    with pytest.raises(SignatureError, match="holds no gene"):
        signature.score(x.rename(columns=str.upper))
    with pytest.raises(SignatureError, match="a sample stands twice"):
        signature.score(x.set_axis(["S", "S"]))
    with pytest.raises(SignatureError, match="a gene stands twice"):
        signature.score(pd.concat([x, x[["a1"]]], axis=1))
    with pytest.raises(SignatureError, match=r"infinite.*a2 of S001"):
        signature.score(x.assign(a2=[1.0, np.inf]))
    with pytest.raises(SignatureError, match="no number"):
        signature.score(x.assign(a2=["1.0", "Undetermined"]))


# --- tampering --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("threshold", lambda c: c | {"threshold": 0.2}),
        ("weights", lambda c: c | {"weights": c["weights"] | {"a1": 0.2}}),
        ("scaling", lambda c: c | {"scaling": c["scaling"] | {"a1": {"mean": 5.0, "sd": 1.0}}}),
        ("calibration", lambda c: c | {"calibration": None}),
        ("plan_hash", lambda c: c | {"plan_hash": "q" * 64}),
        ("test_vectors", lambda c: c | {"test_vectors": c["test_vectors"][:9]}),
        ("its hashes", lambda c: c | {"hashes": c["hashes"] | {"content": "0" * 64}}),
        ("genes", lambda c: c | {"genes": 7}),
    ],
)
def test_an_altered_file_is_refused_and_the_field_named(path, name, change):
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(SignatureError, match=f"altered.*{name}"):
        LockedSignature.load(path)


def test_an_altered_object_is_refused(signature):
    with pytest.raises(SignatureError, match="changed: intercept, threshold"):
        replace(signature, threshold=0.0, intercept=1.0).verify()


def test_software_that_scores_otherwise_is_found(signature, monkeypatch):
    monkeypatch.setattr("lumier_analysis.signature.score_table.z_scores", lambda x, mean, sd: (x - mean) / sd + 1e-6)
    with pytest.raises(SignatureError, match="score of test vector 1"):
        signature.verify()


def test_unreadable_files_are_refused(path, tmp_path):
    with pytest.raises(SignatureError, match="no locked signature at"):
        LockedSignature.load(tmp_path / "absent.json")
    content = json.loads(path.read_text())
    for text, words in (
        (path.read_text()[:100], "not a JSON file"),
        ("[1, 2]", "format_version None"),
        (json.dumps(content | {"format_version": 99}), "format_version 99"),
        (json.dumps({k: v for k, v in content.items() if k != "genes"}), "missing: genes"),
        (json.dumps(content | {"comment": "x"}), "unknown: comment"),
    ):
        path.write_text(text)
        with pytest.raises(SignatureError, match=words):
            LockedSignature.load(path)


def test_no_patient_value_is_in_the_file(cohort, signature):
    values = set(cohort.features.round(6).to_numpy().ravel())
    stored = {v for vector in signature.test_vectors for v in vector["expression"].values()}
    assert not values & stored
