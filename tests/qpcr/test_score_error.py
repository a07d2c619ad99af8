"""Standard errors of scores: by hand, and against the spread over repeated measurement of the same samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import (
    Scaling,
    calibrate,
    composite,
    ct_variance,
    expression_from_reactions,
    fit_scaling,
    module_scores,
    pooled_sd,
    score_errors,
    score_reliability,
)

GENES, REFERENCES = ["A", "B", "C", "D"], ["R1", "R2"]
MODULES = {"M1": ["A", "B"], "M2": ["C", "D"]}
SCALING = Scaling(pd.Series(0.0, index=GENES), pd.Series({"A": 1.0, "B": 2.0, "C": 1.0, "D": 0.5}), 10)


def constant(value: float, index: list[str]) -> pd.DataFrame:
    return pd.DataFrame(value, index=index, columns=[*GENES, *REFERENCES])


def test_the_shared_reference_term_is_counted_once() -> None:
    log2 = pd.DataFrame(1.0, index=["s"], columns=GENES)
    errors = score_errors(log2, constant(0.04, ["s"]), MODULES, SCALING, reference_genes=REFERENCES)
    # M1: genes weigh 1/2 and 1/4; the reference mean 3/4, each of its two genes 3/8.
    assert errors.loc["s", "M1"] == pytest.approx(0.2 * np.sqrt(0.5**2 + 0.25**2 + 2 * 0.375**2))
    assert errors.loc["s", "M2"] == pytest.approx(0.2 * np.sqrt(0.5**2 + 1.0**2 + 2 * 0.75**2))
    # The mean of both: half of every weight, and the references' weights (9/16 each) add up before they are squared.
    both = score_errors(
        log2, constant(0.04, ["s"]), MODULES, SCALING, reference_genes=REFERENCES, scores={"S": ["M1", "M2"]}
    )
    parts = [0.25, 0.125, 0.25, 0.5, 0.5625, 0.5625]
    assert both.loc["s", "S"] == pytest.approx(0.2 * np.sqrt(np.sum(np.square(parts))))


def test_missing_genes_and_references() -> None:
    index = ["one", "none", "ref"]
    log2 = pd.DataFrame(1.0, index=index, columns=GENES)
    log2.loc["one", "B"] = np.nan
    log2.loc["none", ["A", "B"]] = np.nan
    variance = constant(0.04, index)
    variance.loc["ref", "R2"] = np.nan
    errors = score_errors(log2, variance, MODULES, SCALING, reference_genes=REFERENCES, scores={"S": ["M1", "M2"]})
    assert errors.loc["one", "M1"] == pytest.approx(0.2 * np.sqrt(1 + 2 * 0.5**2))
    assert errors.loc["none", ["M1", "S"]].isna().all()
    assert errors.loc["ref", "M1"] == pytest.approx(0.2 * np.sqrt(0.5**2 + 0.25**2 + 0.75**2))
    with pytest.raises(AnalysisError, match=r"lack assays.*R2"):
        score_errors(log2, variance.drop(columns="R2"), MODULES, SCALING, reference_genes=REFERENCES)


def test_a_bound_has_the_variance_of_what_lies_below_it() -> None:
    log2 = pd.DataFrame(1.0, index=["s"], columns=GENES)
    below = pd.DataFrame(0.0, index=["s"], columns=GENES)
    below.loc["s", "A"] = 1.0
    errors = score_errors(
        log2, constant(0.04, ["s"]), MODULES, SCALING, reference_genes=REFERENCES, censored_variance=below
    )
    expected = 0.5**2 * 1.0 + 0.04 * (0.25**2 + 2 * 0.375**2)
    assert errors.loc["s", "M1"] == pytest.approx(np.sqrt(expected))


def test_variance_of_a_ct_by_hand() -> None:
    rows = [
        ("c1", "IPC", "G", 10.0, "detected"),
        ("c1", "IPC", "G", 10.2, "detected"),
        ("c2", "IPC", "G", 11.0, "detected"),
        ("c1", "IPC", "H", 12.0, "detected"),
        ("c2", "IPC", "H", np.nan, "not detected"),
        ("c1", "a", "G", 15.0, "detected"),
        ("c1", "a", "G", 15.1, "detected"),
        ("c1", "a", "G", 15.1, "untrusted"),
        ("c2", "a", "G", 15.0, "detected"),
        ("c1", "b", "H", np.nan, "not detected"),
        ("c2", "b", "H", 15.0, "untrusted"),
        ("c2", "c", "H", 15.0, "detected"),
        ("c2", "", "H", 15.0, "detected"),
    ]
    reactions = pd.DataFrame(rows, columns=["chip", "sample", "assay", "ct", "state"])
    calibration = calibrate(reactions, "IPC")
    sd = pd.Series({"G": 0.1, "H": 0.2})
    variance = ct_variance(reactions, sd, calibration=calibration, calibrator="IPC")
    assert variance.index.tolist() == ["a", "b", "c"]
    # a: three reactions, two of them share the correction of c1 (two calibrators), one has that of c2.
    expected = (3 * 0.01 + 4 * 0.01 / 2 + 1 * 0.01) / 9
    assert variance.loc["a", "G"] == pytest.approx(expected)
    assert np.isnan(variance.loc["a", "H"])
    assert variance.loc["b", "H"] == pytest.approx(0.04 + 0.04)
    # H on c2 is borrowed: mean square of the corrections about their chip's median, over the three observed cells.
    about = calibration.shifts.sub(calibration.chip_shift, axis=0).mask(calibration.borrowed).to_numpy()
    assert variance.loc["c", "H"] == pytest.approx(0.04 + np.nanmean(about**2))
    plain = ct_variance(reactions[reactions["sample"] != "IPC"], sd)
    assert plain.loc["a", "G"] == pytest.approx(0.01 / 3)


def measure(truth: pd.DataFrame, rng: np.random.Generator, sd: float, chips: int) -> pd.DataFrame:
    """Measure all samples once, on chips with shifts of their own, two calibrators each."""
    n = len(truth)
    chip = np.arange(n) % chips
    shift = rng.normal(0, 0.3, (chips, 1)) + rng.normal(0, 0.06, (chips, truth.shape[1]))
    ct = truth.to_numpy() + shift[chip] + rng.normal(0, sd, truth.shape)
    pool = truth.mean().to_numpy() + np.repeat(shift, 2, axis=0) + rng.normal(0, sd, (2 * chips, truth.shape[1]))
    names = np.concatenate([truth.index.to_numpy(dtype=object), np.repeat("IPC", 2 * chips)])
    where = np.concatenate([chip, np.repeat(np.arange(chips), 2)])
    wide = np.vstack([ct, pool])
    return pd.DataFrame(
        {
            "sample": np.repeat(names, truth.shape[1]),
            "chip": np.repeat([f"c{c}" for c in where], truth.shape[1]),
            "assay": np.tile(truth.columns.to_numpy(), len(wide)),
            "ct": wide.ravel(),
        }
    ).assign(state="detected")


def test_the_standard_error_is_the_spread_over_repeated_measurement() -> None:
    rng = np.random.default_rng(11)
    names = [f"G{i}" for i in range(8)]
    columns = [*names, *REFERENCES]
    truth = pd.DataFrame(rng.normal(15, 1.0, (60, 10)), index=[f"s{i}" for i in range(60)], columns=columns)
    modules = {"M1": names[:5], "M2": names[5:]}
    scores_of = {"S": ["M1", "M2"]}
    levels = truth.mean()
    options = {"reference_genes": REFERENCES, "limit_of_detection": 40.0, "genes": names}
    scaling = None
    seen, said = [], []
    for _ in range(200):
        reactions = measure(truth, rng, 0.15, 6)
        calibration = calibrate(reactions, "IPC", levels=levels)
        own = calibration.reactions[calibration.reactions["sample"] != "IPC"]
        log2 = expression_from_reactions(own, **options).log2
        # A frozen reference: the first measurement's.
        scaling = scaling or fit_scaling(log2)
        scores = module_scores(log2, modules, scaling)
        seen.append(scores.join(composite(scores, scores_of)).to_numpy())
        variance = ct_variance(reactions, pooled_sd(reactions)["sd_used"], calibration=calibration, calibrator="IPC")
        errors = score_errors(log2, variance, modules, scaling, reference_genes=REFERENCES, scores=scores_of)
        said.append(errors.to_numpy())
    spread = np.stack(seen).std(axis=0, ddof=1)
    ratio = np.sqrt((np.stack(said) ** 2).mean(axis=(0, 1)) / (spread**2).mean(axis=0))
    # Samples of a chip share its correction, so 200 runs x 6 chips stand behind each spread: 1 / sqrt(2 x 1200) = 2 %.
    assert ratio == pytest.approx([1.0, 1.0, 1.0], abs=0.06)


def test_reliability_is_the_share_of_variance_that_repeats() -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(0, 1, 4000)
    scores = pd.DataFrame({"S": truth + rng.normal(0, 0.5, 4000), "T": rng.normal(0, 0.5, 4000)})
    errors = pd.DataFrame({"S": 0.5, "T": 0.6}, index=scores.index)
    errors.iloc[0] = np.nan
    table = score_reliability(scores, errors)
    again = np.corrcoef(scores["S"], truth + rng.normal(0, 0.5, 4000))[0, 1]
    assert table.loc["S", "reliability"] == pytest.approx(again, abs=0.02)
    assert table.loc["T", "reliability"] == 0.0
    assert table["samples"].tolist() == [3999, 3999]
    assert table.loc["S", ["se_median", "se_90"]].tolist() == [0.5, 0.5]
