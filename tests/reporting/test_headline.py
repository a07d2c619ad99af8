"""The first line in every situation: it never claims more than the interval, nor invents a validation."""

from __future__ import annotations

import math

import pytest

from lumier_analysis.reporting.headline import auc_line, estimator_name, headline

INTERNAL = "derivation.primary_score.auc"
NESTED = "derivation.elastic_net.nested_auc"
MISSING = {"value": math.nan, "ci_low": math.nan, "ci_high": math.nan, "level": None, "p_value": None}


def test_a_clear_result(make_entry, make_results):
    head = headline(make_results(make_entry()))
    assert (
        head.line
        == "AUC 0.66 (95 % CI 0.55 to 0.76), Obuchowski clustered, 100 patients, 300 landmarks, 20 events; p = 0.004"
    )
    assert head.reading.startswith("The locked score discriminates")
    assert (head.status, head.id) == ("estimated", "validation.primary.auc")
    assert "03_locked_validation" in head.origin


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.31, 0.73, "No discrimination was shown: the interval includes 0.5."),
        (0.5, 0.73, "No discrimination was shown: the interval includes 0.5."),
        (0.501, 0.73, "The locked score discriminates"),
        (0.2, 0.49, "against its direction"),
        (math.nan, math.nan, "Without an interval nothing can be said"),
    ],
)
def test_the_reading_follows_the_interval_alone(make_entry, make_results, low, high, words):
    # The p-value says otherwise on purpose: two words for one number would contradict each other.
    head = headline(make_results(make_entry(value=0.53, ci_low=low, ci_high=high, p_value=0.001)))
    assert words in head.reading


def test_a_near_null_result_is_told_calmly(make_entry, make_results):
    head = headline(make_results(make_entry(value=0.527, ci_low=0.313, ci_high=0.732, p_value=0.81)))
    text = f"{head.line} {head.reading}".lower()
    assert "auc 0.53 (95 % ci 0.31 to 0.73)" in text and "p = 0.81" in text
    for word in ("significant", "fail", "trend", "unfortunately", "promising", "proves", "no effect", "useless"):
        assert word not in text


def test_a_tiny_p_value(make_entry):
    assert auc_line(make_entry(p_value=1e-7)).endswith("; p < 0.001")
    assert "; p" not in auc_line(make_entry(p_value=None))


def test_no_validation_cohort(make_entry, make_results):
    head = headline(make_results(make_entry(INTERNAL, 0.74)))
    assert head.line == "Internal validation only"
    assert "no result from a validation cohort" in head.reading
    assert "On the test cohort (pre-specified score): AUC 0.74" in head.reading
    assert head.id == INTERNAL


def test_a_validation_cohort_without_an_event(make_entry, make_results):
    primary = make_entry(**MISSING, n_events=0, note="no event: the AUC cannot be estimated")
    head = headline(make_results(primary, make_entry(INTERNAL, 0.74)))
    assert head.line == "Not estimable; internal validation only"
    assert head.reading.startswith("No event: the AUC cannot be estimated. On the test cohort")


def test_nothing_to_show_at_all(make_entry, make_results):
    assert headline(make_results()).line == "Not estimable"
    assert "neither a validation nor a derivation" in headline(make_results()).reading
    alone = headline(make_results(make_entry(**MISSING, note="no event: cannot be estimated")))
    assert (alone.line, alone.reading) == ("Not estimable", "No event: cannot be estimated.")


def test_the_elastic_net_stands_in_where_the_score_has_no_auc(make_entry, make_results):
    head = headline(make_results(make_entry(INTERNAL, **MISSING, note="constant"), make_entry(NESTED, 0.6)))
    assert head.id == NESTED
    assert "(elastic net, nested cross-validation): AUC 0.60" in head.reading


def test_a_result_on_three_events_is_withheld_and_not_replaced(make_entry, make_results):
    head = headline(make_results(make_entry(n_events=3), make_entry(INTERNAL, 0.74)))
    assert head.line == "Primary result withheld"
    assert head.reading == "Withheld: fewer than 5 events."
    assert "0.66" not in head.line + head.reading and "0.74" not in head.line + head.reading


def test_an_internal_result_on_few_is_not_shown_either(make_entry, make_results):
    head = headline(make_results(make_entry(INTERNAL, 0.74, n_events=3)))
    assert "0.74" not in head.line + head.reading


def test_small_counts_in_a_reason_are_suppressed(make_entry, make_results):
    primary = make_entry(**MISSING, n_events=0, note="3 of 300 rows with a score: cannot be estimated")
    assert "<5 of 300 rows" in headline(make_results(primary)).reading


def test_the_estimator_is_named_without_the_quantity(make_entry):
    assert estimator_name(make_entry()) == "Obuchowski clustered"
    assert estimator_name(make_entry(estimator="AUC from pairs within strata, jackknife; logit interval")).startswith(
        "from pairs"
    )
