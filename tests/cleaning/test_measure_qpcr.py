"""From reactions to expression: every key of the plan does what it says, and learns from the test cohort alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.cleaning.measure_qpcr import measure_qpcr
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.errors import AnalysisError, PlanError
from lumier_analysis.qpcr import calibrate, expression_from_reactions

TEST = {f"S{chip}.{i:02d}" for chip in (0, 1) for i in range(20)}


def with_qpcr(plan, **changes):
    return plan.model_copy(update={"qpcr": plan.qpcr.model_copy(update=changes)})


def measure(reactions: pd.DataFrame, plan, test: set[str] = TEST):
    return measure_qpcr(reactions, None, test, plan, Queries())


def test_the_default_is_minus_delta_ct_at_the_limit(qpcr_run) -> None:
    make, plan = qpcr_run
    reactions = make()
    measured = measure(reactions, plan)
    levels = calibrate(reactions[reactions["chip"].isin(["chip_1", "chip_2"])], "IPC").levels
    adjusted = calibrate(reactions, "IPC", levels=levels).reactions
    own = adjusted[~adjusted["sample"].isin(["IPC", "NTC"])]
    options = {"reference_genes": plan.panel.reference_genes, "limit_of_detection": 25.0, "genes": plan.panel.genes}
    frozen = expression_from_reactions(own[own["sample"].isin(TEST)], **options).reference_levels
    expected = expression_from_reactions(own, **options, reference_levels=frozen).log2
    pd.testing.assert_frame_equal(measured.log2, expected)
    assert (measured.failed == "").all()
    assert measured.references is not None
    assert measured.references.genes == plan.panel.reference_genes
    assert measured.references.samples == len(TEST)


@pytest.mark.parametrize("rule", ["genorm", "normfinder"])
def test_reference_genes_are_chosen_on_the_test_cohort_alone(qpcr_run, rule: str) -> None:
    make, plan = qpcr_run
    plan = with_qpcr(plan, reference_choice=rule)
    reactions = make(unstable=2.0)
    chosen = measure(reactions, plan).references
    assert chosen is not None
    assert "R4" not in chosen.genes
    # Ruin another gene in the validation cohort: the choice stays.
    others = ~reactions["sample"].isin([*TEST, "IPC", "NTC"]) & reactions["assay"].eq(chosen.genes[0])
    noise = np.random.default_rng(1).normal(0, 1.5, int(others.sum()))
    reactions.loc[others, "ct"] = reactions.loc[others, "ct"] + noise
    assert measure(reactions, plan).references.genes == chosen.genes  # type: ignore[union-attr]


def test_the_validation_cohort_does_not_move_the_test_cohort(qpcr_run) -> None:
    make, plan = qpcr_run
    plan = with_qpcr(plan, not_detected="impute", reference_choice="genorm")
    reactions = make(late=0.4)
    alone = measure(reactions[reactions["chip"].isin(["chip_1", "chip_2"])], plan)
    together = measure(reactions, plan)
    seen = ~alone.log2.isna() & (alone.quality.censored_variance == 0)  # type: ignore[union-attr]
    # Imputed values are drawn anew where there are more samples to draw for; all others agree to the last digit.
    pd.testing.assert_frame_equal(together.log2.loc[alone.log2.index][seen], alone.log2[seen])


def test_not_detected_values_are_imputed_where_the_plan_says_so(qpcr_run) -> None:
    make, plan = qpcr_run
    reactions = make()
    at_limit, imputed = measure(reactions, plan), measure(reactions, with_qpcr(plan, not_detected="impute"))
    changed = ~np.isclose(at_limit.log2, imputed.log2, rtol=0, atol=1e-12)
    changed = pd.DataFrame(changed, index=at_limit.log2.index, columns=at_limit.log2.columns)
    assert changed["N11"].sum() > 10
    assert not changed.drop(columns="N11").any(axis=None)
    assert (imputed.log2["N11"] <= at_limit.log2["N11"] + 1e-12).all()
    again = measure(reactions, with_qpcr(plan, not_detected="impute"))
    pd.testing.assert_frame_equal(again.log2, imputed.log2)


def standards(reactions: pd.DataFrame, factor: float) -> pd.DataFrame:
    assays = [a for a in reactions["assay"].unique() if a != "gDNA"]
    rows = [
        ("chip_1", "STD", a, 8 - np.log(q) / np.log(factor), "detected", "Standard", "S90-A01", q)
        for a in assays
        for q in (1.0, 0.1, 0.01, 0.001)
    ]
    columns = ["chip", "sample", "assay", "ct", "state", "sample_type", "well", "quantity"]
    return pd.concat([reactions.assign(quantity=1.0), pd.DataFrame(rows, columns=columns)], ignore_index=True)


def test_efficiencies_are_used_where_the_plan_says_so(qpcr_run) -> None:
    make, plan = qpcr_run
    reactions = make()
    with_standards = standards(reactions, 1.9)
    doubling = measure(with_standards, plan)
    assert "STD" not in doubling.log2.index
    pd.testing.assert_frame_equal(doubling.log2, measure(reactions, plan).log2)
    assert doubling.quality.efficiency["efficiency"].to_numpy() == pytest.approx(1.9)  # type: ignore[union-attr]
    used = measure(with_standards, with_qpcr(plan, efficiency="from_standards"))
    np.testing.assert_allclose(used.log2, doubling.log2 * np.log2(1.9), rtol=1e-9)
    # The same factor in values and errors: z-scores and their standard errors do not change.
    np.testing.assert_allclose(
        used.quality.score_errors["neutrophil"], doubling.quality.score_errors["neutrophil"], rtol=0.02
    )
    with pytest.raises(AnalysisError, match=r"no standards.*qpcr\.efficiency: doubling"):
        measure(reactions, with_qpcr(plan, efficiency="from_standards"))


def test_an_unknown_item_of_miqe_stops(qpcr_run) -> None:
    make, plan = qpcr_run
    with pytest.raises(PlanError, match=r"qpcr\.miqe\.dnase_ is no item"):
        measure(make(), with_qpcr(plan, miqe={"dnase_": "x"}))


def test_without_calibrator_or_replicates_the_rest_still_works(qpcr_run) -> None:
    make, plan = qpcr_run
    reactions = make()
    single = reactions[reactions["sample"] != "IPC"]
    measured = measure(single, with_qpcr(plan, calibrator=None))
    assert measured.quality is not None
    assert measured.quality.score_errors.empty
    assert any("no reaction was measured twice" in note for note in measured.quality.notes)
    assert measured.quality.drift.chips["flagged"].isna().all()
    assert measured.quality.normalisation.index.tolist() == ["measured", "normalised"]
    assert "Chips whose calibrator is off" not in measured.quality.findings.index


def test_a_test_cohort_without_samples_learns_from_all(qpcr_run) -> None:
    make, plan = qpcr_run
    measured = measure(make(), plan, set())
    assert measured.references is not None
    assert measured.references.notes[0].startswith("stability not computed")
    assert measured.log2.notna().all(axis=None)
