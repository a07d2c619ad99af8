import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lumier_analysis.cleaning.centres import level_tests, query_centre_levels, query_centre_rates, rate_tests
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.errors import PlanError

CENTRES = pd.Series(np.repeat(["01", "02", "03", "04"], [40, 40, 40, 3]), index=[f"p{i}" for i in range(123)])
PATIENTS = pd.DataFrame({"patient_id": CENTRES.index, "centre": CENTRES.to_numpy()})


def test_a_centre_is_held_against_all_others():
    affected = pd.Series(False, index=CENTRES.index)
    affected[:20] = True  # half of centre 01
    affected[40:42] = True
    table = rate_tests(affected, CENTRES)
    assert table.index.tolist() == ["01", "02", "03"], "three patients are too few to judge"
    assert table.loc["01", ["n", "of", "other_n", "other_of"]].tolist() == [20, 40, 2, 83]
    p = stats.hypergeom.sf(19, 123, 22, 40)  # the chance of 20 or more of the 22 among 40 of 123
    assert table.loc["01", "p"] == pytest.approx(3 * p, rel=1e-6)  # Holm, three centres
    assert table.loc["02", "p"] == 1


def test_one_centre_and_no_query_make_no_note():
    assert rate_tests(pd.Series([True] * 9), pd.Series(["single"] * 9)).empty
    queries = Queries()
    query_centre_rates(pd.DataFrame({"severity": [], "patient_id": []}), PATIENTS, 0.01, queries)
    assert len(queries.frame()) == 0


def test_the_centre_with_many_queries_is_noted_and_notes_do_not_count():
    asked = pd.DataFrame({"patient_id": CENTRES.index[:20], "severity": "query"})
    notes = pd.DataFrame({"patient_id": CENTRES.index[40:80], "severity": "note"})
    queries = Queries()
    query_centre_rates(pd.concat([asked, notes]), PATIENTS, 0.01, queries)
    (row,) = queries.frame().to_dict("records")
    assert (row["rule"], row["centre"], row["severity"]) == ("centre_query_rate", "01", "note")
    assert row["value"].startswith("20 of 40 patients have a query (p = ")
    assert "0 of 83" in row["expected"]


def test_levels_by_patient_and_mann_whitney():
    rng = np.random.default_rng(1)
    values = pd.Series(rng.normal(1.2, 0.2, 123), index=CENTRES.index)
    values[CENTRES == "02"] += 0.4
    table = level_tests(values, CENTRES)
    own, others = values[CENTRES == "02"], values[CENTRES != "02"]
    assert table.loc["02", "p"] == pytest.approx(stats.mannwhitneyu(own, others).pvalue)
    assert table.loc["02", "median"] == pytest.approx(own.median())


def test_a_centre_in_another_unit_is_noted():
    rng = np.random.default_rng(2)
    visits = pd.DataFrame({"patient_id": np.repeat(CENTRES.index, 3), "c3": rng.normal(1.2, 0.2, 369)})
    visits.loc[visits["patient_id"].map(CENTRES) == "03", "c3"] *= 1.5
    queries = Queries()
    query_centre_levels(visits, PATIENTS, ["c3"], 0.01, queries)
    found = queries.frame()
    assert "03" in set(found["centre"])
    row = found[found["centre"] == "03"].iloc[0]
    assert row["rule"] == "centre_level"
    assert "40 patients" in row["value"]


def test_alike_centres_are_noted_as_often_as_alpha_says():
    rng = np.random.default_rng(3)
    n_studies, alpha, noted = 400, 0.1, 0
    for _ in range(n_studies):
        visits = pd.DataFrame({"patient_id": CENTRES.index, "c3": rng.normal(1.2, 0.2, 123)})
        queries = Queries()
        query_centre_levels(visits, PATIENTS, ["c3"], alpha, queries)
        noted += len(queries.frame()) > 0
    assert noted / n_studies < alpha + 4 * np.sqrt(alpha * (1 - alpha) / n_studies)


def test_a_column_that_is_no_number_is_named():
    with pytest.raises(PlanError, match=r"checks\.centre_levels names c33"):
        query_centre_levels(pd.DataFrame({"patient_id": ["p0"]}), PATIENTS, ["c33"], 0.01, Queries())
