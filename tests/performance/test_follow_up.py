from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.follow_up import check_follow_up, check_times, count_times


def test_counts_add_up():
    counts = count_times(np.array([2.0, 1, 2, 3]), np.array([1, 0, 2, 0]))
    assert counts.time.tolist() == [1, 2, 3] and counts.place.tolist() == [1, 0, 1, 2]
    assert counts.at_risk.tolist() == [4, 3, 1]
    assert (counts.events.tolist(), counts.competing.tolist(), counts.censored.tolist()) == (
        [0, 1, 0], [0, 1, 0], [1, 0, 1])  # fmt: skip


def test_counts_among_some_rows_keep_every_time():
    counts = count_times(np.array([1.0, 2, 3]), np.array([1, 1, 1]), np.array([True, False, True]))
    assert counts.at_risk.tolist() == [2, 1, 1] and counts.events.tolist() == [1, 0, 1]


def test_columns_of_one_table_go_together():
    table = pd.DataFrame({"time": [3.0, 4], "event": [0, 1], "patient": ["a", "a"]}, index=[7, 8])
    found = check_follow_up(table["time"], table["event"], cluster=table["patient"])
    assert found.n_patients == 1 and found.event.tolist() == [0, 1]
    with pytest.raises(AnalysisError, match="row labels"):
        check_follow_up(table["time"], table["event"].reset_index(drop=True))


def test_what_is_refused():
    with pytest.raises(AnalysisError, match="above 0"):
        check_follow_up([1, -1], [0, 1])
    with pytest.raises(AnalysisError, match=r"event must be .* 1\.5"):
        check_follow_up([1, 1], [0, 1.5])
    with pytest.raises(AnalysisError, match="cluster has missing"):
        check_follow_up([1, 1], [0, 1], cluster=["a", None])
    with pytest.raises(AnalysisError, match="above 0"):
        check_times([91, np.inf])
    assert check_times(91).tolist() == [91]
