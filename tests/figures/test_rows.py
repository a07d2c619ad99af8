import math

from lumier_analysis.estimate import Estimate
from lumier_analysis.figures.rows import forest_rows

LARGE = Estimate(0.7, 0.05, 0.6, 0.8, n_patients=100, n_rows=300, n_events=20)
SMALL = Estimate(0.9, 0.05, 0.8, 1.0, n_patients=100, n_rows=300, n_events=3)


def test_a_row_carries_its_denominators():
    row = forest_rows({"a": LARGE}, bold="a").iloc[0]
    assert (row["value"], row["n"], bool(row["bold"])) == (0.7, "300 landmarks, 20 events", True)


def test_an_estimate_on_few_events_is_withheld():
    row = forest_rows({"a": SMALL}).iloc[0]
    assert math.isnan(row["value"])
    assert row["n"] == ""
