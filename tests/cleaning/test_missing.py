import numpy as np
import pandas as pd

from lumier_analysis.cleaning.missing import missing_by_visit


def visits(missing, of=20):
    c3 = [np.nan] * missing + [1.0] * (of - missing)
    return pd.DataFrame({"patient_id": "P", "visit": "M0", "day": 0, "c3": c3, "c4": 1.0})


def test_a_share_is_a_proportion_of_the_visits():
    assert missing_by_visit(visits(10)).loc["c3", "M0"] == 10 / 20


def test_a_small_count_is_withheld_not_rounded():
    assert np.isnan(missing_by_visit(visits(3)).loc["c3", "M0"])


def test_complete_variables_share_a_row():
    assert missing_by_visit(visits(10)).loc["1 others, complete", "M0"] == 0


def test_nothing_missing_still_gives_a_table():
    assert missing_by_visit(visits(0)).shape == (1, 1)
