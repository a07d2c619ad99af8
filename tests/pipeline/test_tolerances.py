from __future__ import annotations

import pytest

from lumier_analysis.pipeline.tolerances import (
    EXACT,
    SAME_MACHINE,
    TOLERANCES,
    scale,
    tolerance_lines,
    tolerance_of,
)


def entry(estimator: str = "", kind: str = "estimate", value: float | None = 0.5) -> dict[str, object]:
    return {"kind": kind, "value": value, "estimator": estimator, "se": 0.1}


@pytest.mark.parametrize(
    ("estimator", "relative"),
    [
        ("AUC, Obuchowski clustered; logit interval", 1e-9),
        ("AUC from pairs within strata, delete-one-patient jackknife; logit interval", 1e-9),
        ("median", 1e-9),
        ("ICC(1), one-way analysis of variance; F interval", 1e-9),
        # A closed form on the output of an iteration is no better than the iteration.
        ("nested cross-validation, 1 x 10 folds; AUC from pairs within strata, delete-one-patient jackknife", 1e-6),
        ("AUC, Harrell's optimism correction, 100 bootstrap samples of patients", 1e-6),
        ("marginal mean; Repeated measures, unstructured covariance, REML, kenward-roger-linear", 1e-6),
        ("logistic slope, sandwich by patient; Wald interval", 1e-6),
        ("", 1e-6),
        ("something new", 1e-6),
    ],
)
def test_the_estimator_decides(estimator: str, relative: float) -> None:
    assert tolerance_of(entry(estimator)).relative == relative


def test_counts_and_whole_numbers_have_none() -> None:
    assert tolerance_of(entry(kind="count", value=12.0)) is EXACT
    assert tolerance_of(entry(kind="number", value=12.0)) is EXACT
    assert tolerance_of(entry(kind="number", value=0.412)).relative == 1e-6
    assert tolerance_of(entry(), ()) is EXACT
    assert tolerance_of(entry("REML"), SAME_MACHINE).relative == 0


def test_a_difference_near_zero_is_measured_against_the_standard_error() -> None:
    assert scale(entry(), "value", 1e-12, -1e-12) == 0.1
    assert scale(entry(), "value", 3.0, -4.0) == 4.0
    assert scale({"se": None}, "value", 0.2, 0.1) == 0.2


def test_a_small_p_value_is_measured_against_what_is_printed() -> None:
    assert scale(entry(), "p_value", 1e-30, 2e-30) == 0.001
    assert scale(entry(), "p_value", 0.2, 0.1) == 0.2


def test_the_table_is_printed_whole() -> None:
    text = "\n".join(tolerance_lines())
    assert all(line.name in text and line.why in text for line in (EXACT, *TOLERANCES))
    assert "1e-09" in text and "1e-06" in text
