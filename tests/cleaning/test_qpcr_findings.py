"""The table of findings: each counted against what it could have been, with what was done."""

from __future__ import annotations

from lumier_analysis.cleaning.measure_qpcr import measure_qpcr
from lumier_analysis.cleaning.queries import Queries


def test_every_finding_has_its_denominator_and_what_was_done(qpcr_run) -> None:
    make, plan = qpcr_run
    frame = make()
    bad = frame["sample"].eq("S0.05") & frame["assay"].str.startswith("N")
    frame.loc[bad, "state"] = "untrusted"
    frame["ct"] = frame["ct"].fillna(20.0).where(frame["state"] != "not detected")
    findings = measure_qpcr(frame, None, {"S0.05", "S0.06"}, plan, Queries()).quality.findings  # type: ignore[union-attr]
    assert (findings["n"] <= findings["of"]).all()
    assert (findings["done"] != "").all()
    failing = findings.loc["Samples with too many untrusted reactions"]
    assert (failing["n"], failing["of"], failing["done"]) == (1, 80, "not used")
    # 22 genes twice on four chips; N11's calibrator may be beyond the limit.
    assert 80 <= findings.loc["Replicates that lie apart", "of"] <= 92
    assert findings.loc["No-template controls too early", ["n", "of"]].tolist() == [0, 92]
    assert findings.loc["Genomic DNA", ["n", "of"]].tolist() == [1, 80]
    assert findings.loc["Samples apart in the principal components", "of"] == 79
    assert findings.loc["Assays lost on a chip", "n"] == 0


def test_what_does_not_apply_is_not_listed(qpcr_run) -> None:
    make, plan = qpcr_run
    frame = make()
    frame = frame[~frame["sample"].isin(["IPC", "NTC"]) & (frame["assay"] != "gDNA")]
    qpcr = plan.qpcr.model_copy(update={"calibrator": None, "genomic_dna_assay": None})
    plan = plan.model_copy(update={"qpcr": qpcr})
    measured = measure_qpcr(frame, None, set(frame["sample"].unique()), plan, Queries())
    absent = {
        "Replicates that lie apart",
        "No-template controls too early",
        "Genomic DNA",
        "Chips whose calibrator is off",
        "Calibrator not detected",
    }
    assert measured.quality is not None
    assert not absent & set(measured.quality.findings.index)
    assert "Assays seldom detected" in measured.quality.findings.index
