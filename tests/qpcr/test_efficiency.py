"""Standard curves: exact lines, the interval against statsmodels, and Pfaffl's ratio."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import efficiencies, expression_from_reactions, standard_curves, standards_of


def curve(assay: str, factor: float, noise: float = 0.0, chip: str = "c1", shift: float = 0.0, n: int = 5):
    rng = np.random.default_rng(len(assay) + int(10 * factor))
    quantity = np.repeat(10.0 ** np.arange(n), 3)
    ct = 25 + shift - np.log(quantity) / np.log(factor) + rng.normal(0, noise, len(quantity)) if noise else None
    ct = 25 + shift - np.log(quantity) / np.log(factor) if ct is None else ct
    return pd.DataFrame({"assay": assay, "quantity": quantity, "ct": ct, "chip": chip})


def test_exact_curves_give_back_their_efficiency() -> None:
    curves = standard_curves(pd.concat([curve("A", 2.0), curve("B", 1.8)]))
    assert curves["efficiency"].to_dict() == pytest.approx({"A": 2.0, "B": 1.8})
    assert curves.loc["A", "slope"] == pytest.approx(-1 / np.log10(2))
    assert curves["r_squared"].tolist() == pytest.approx([1.0, 1.0])
    assert curves["flag"].tolist() == ["", "efficiency outside 90 to 110 %"]
    assert curves["dilutions"].tolist() == [5, 5]


def test_the_interval_is_that_of_least_squares() -> None:
    data = curve("A", 1.95, noise=0.2)
    row = standard_curves(data, level=0.9).loc["A"]
    fit = sm.OLS(data["ct"], sm.add_constant(np.log10(data["quantity"]))).fit()
    low, high = fit.conf_int(0.1).iloc[1]
    assert (row["slope"], row["slope_low"], row["slope_high"]) == pytest.approx((fit.params.iloc[1], low, high))
    assert row["r_squared"] == pytest.approx(fit.rsquared)
    assert row["efficiency_low"] == pytest.approx(10 ** (-1 / low))
    assert row["efficiency_low"] < row["efficiency"] < row["efficiency_high"]


def test_chips_may_differ_in_level() -> None:
    both = pd.concat([curve("A", 1.9), curve("A", 1.9, chip="c2", shift=2.0)])
    assert standard_curves(both).loc["A", "efficiency"] == pytest.approx(1.9)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(8)
    x = np.tile(np.repeat(np.arange(5.0), 3), 400)
    frame = pd.DataFrame({"assay": np.repeat(np.arange(400), 15).astype(str), "quantity": 10**x, "chip": "c"})
    frame["ct"] = 30 - x / np.log10(1.92) + rng.normal(0, 0.15, len(x))
    table = standard_curves(frame)
    covered = ((table["efficiency_low"] <= 1.92) & (table["efficiency_high"] >= 1.92)).mean()
    assert covered == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 400))


def test_curves_that_cannot_be_used() -> None:
    flat = curve("F", 2.0).assign(ct=20.0)
    few = curve("T", 2.0, n=2)
    table = standard_curves(pd.concat([flat, few, curve("A", 2.0)]))
    assert table.loc[["F", "T"], "flag"].tolist() == ["no amplification curve", "fewer than 3 dilutions"]
    assert table["efficiency"].isna().tolist() == [False, True, True]
    assert efficiencies(table).to_dict() == pytest.approx({"A": 2.0})
    with pytest.raises(AnalysisError, match=r"above nil.*assay A, quantity 0"):
        standard_curves(curve("A", 2.0).assign(quantity=0.0))


def test_standards_are_found_by_type_and_quantity() -> None:
    rows = [("S", "Standard", 100.0, 12.0), ("S", "STD", 0.0, 12.0), ("a", "Unknown", 1.0, 12.0)]
    frame = pd.DataFrame(rows, columns=["sample", "sample_type", "quantity", "ct"]).assign(
        assay="A", state="detected", chip="c"
    )
    assert standards_of(frame)["quantity"].tolist() == [100.0]
    by_task = frame.assign(task=["standard", "unknown", "standard"])  # a reader's word counts more than the export's
    assert standards_of(by_task)["sample"].tolist() == ["S", "a"]
    for without in (frame.iloc[2:], frame.drop(columns="quantity")):
        with pytest.raises(AnalysisError, match=r"no standards.*qpcr\.efficiency: doubling"):
            standards_of(without)


def test_expression_with_efficiencies_is_pfaffls_ratio() -> None:
    rows = [("control", "G", 20.0), ("control", "R", 15.0), ("case", "G", 17.0), ("case", "R", 14.0)]
    frame = pd.DataFrame(rows, columns=["sample", "assay", "ct"]).assign(state="detected", chip="c")
    options = {"reference_genes": ["R"], "limit_of_detection": 30.0}
    log2 = expression_from_reactions(frame, **options, efficiencies=pd.Series({"G": 1.9, "R": 1.8})).log2["G"]
    assert 2 ** (log2["case"] - log2["control"]) == pytest.approx(1.9**3 / 1.8**1)
    plain = expression_from_reactions(frame, **options).log2["G"]
    two = expression_from_reactions(frame, **options, efficiencies=pd.Series({"G": 2.0})).log2["G"]
    assert two.tolist() == plain.tolist()
    with pytest.raises(AnalysisError, match=r"factor above 1.*G: 1"):
        expression_from_reactions(frame, **options, efficiencies=pd.Series({"G": 1.0}))
