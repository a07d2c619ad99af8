import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lumier_analysis.cleaning.digits import decimals_of, digit_test, end_digits, query_end_digits
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.errors import PlanError


@pytest.mark.parametrize(
    ("values", "places"), [([1.0, 2.0], 0), ([1.31, 0.2, 1.0], 2), ([7.5, 10.0], 1), ([1e-9, 0.3333333], 6)]
)
def test_decimals(values, places):
    assert decimals_of(np.array(values)) == places


def test_the_last_digit_counts_a_zero_that_was_not_written():
    assert end_digits(np.array([1.31, 0.2, -0.57, 12.0]), 2).tolist() == [1, 0, 7, 0]


def test_the_chi_square_by_hand():
    values = np.repeat(np.arange(10), [20, 5, 5, 5, 5, 20, 5, 5, 5, 5]) + np.tile(np.arange(0, 800, 10), 1)
    counts, p = digit_test(values.astype(float), 0)
    assert counts.tolist() == [20, 5, 5, 5, 5, 20, 5, 5, 5, 5]
    # (2 x 12^2 + 8 x 3^2) / 8 = 45 on 9 degrees of freedom
    assert p == pytest.approx(stats.chi2.sf(45, 9))


def test_few_values_and_values_close_together_are_not_judged():
    rng = np.random.default_rng(2)
    assert digit_test(np.round(rng.normal(100, 30, 49)), 0) is None
    # A complement fraction that varies by four units of its last digit is not uniform by nature.
    assert digit_test(np.round(rng.normal(0.2, 0.04, 500), 2), 2) is None
    assert digit_test(np.array([]), 0) is None


def test_uniform_digits_are_accused_as_often_as_alpha_says():
    rng = np.random.default_rng(3)
    n_studies, alpha = 2000, 0.05
    p = [digit_test(np.round(rng.normal(1.2, 0.3, 200), 2), 2)[1] for _ in range(n_studies)]
    accused = np.mean(np.array(p) < alpha)
    # Four Monte-Carlo standard errors.
    assert abs(accused - alpha) < 4 * np.sqrt(alpha * (1 - alpha) / n_studies)


def visits(rng, rounded="02"):
    centre = np.repeat(["01", "02", "03"], 150)
    c3 = np.round(rng.normal(1.2, 0.3, 450), 2)
    c3[centre == rounded] = np.round(c3[centre == rounded] * 10) / 10
    patients = np.array([f"{c}-{i:03d}" for i, c in enumerate(centre)])
    return pd.DataFrame({"patient_id": patients, "c3": c3}), pd.Series(centre, index=patients)


def test_the_centre_that_rounds_is_noted_with_n_and_p():
    table, centres = visits(np.random.default_rng(4))
    queries = Queries()
    query_end_digits(table, centres, ["c3"], 0.01, queries)
    (row,) = queries.frame().to_dict("records")
    assert (row["rule"], row["centre"], row["severity"], row["field"]) == ("end_digit_preference", "02", "note", "c3")
    assert row["value"].startswith("100 % end in 0 (n = 150, p = ")


def test_values_at_a_limit_of_detection_do_not_count():
    table, centres = visits(np.random.default_rng(5), rounded="none")
    limit = centres.to_numpy() == "01"
    table["c3_censored"] = np.where(limit & (np.arange(450) % 2 == 0), "<", "")
    table.loc[table["c3_censored"] == "<", "c3"] = 0.5
    queries = Queries()
    query_end_digits(table, centres, ["c3"], 0.01, queries)
    assert len(queries.frame()) == 0


def test_a_column_that_is_no_number_is_named():
    table, centres = visits(np.random.default_rng(6))
    for column in ("c33", "patient_id"):
        with pytest.raises(PlanError, match=rf"checks\.end_digits names {column}"):
            query_end_digits(table, centres, [column], 0.01, Queries())
