import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.visit_layout import check_layout, unused_visits, visit_codes


def check(has, structure="unstructured"):
    subjects, visits = np.nonzero(np.asarray(has))
    labels = tuple(f"M{3 * k}" for k in range(np.shape(has)[1]))
    check_layout(subjects, visits, labels, structure, "patient", "visit")


def test_visits_are_in_order_of_their_kind():
    codes, labels = visit_codes(pd.Series([6.0, 0.0, 12.0, 0.0]), "month")
    assert codes.tolist() == [1, 0, 2, 0] and labels == (0, 6, 12)
    kind = pd.Categorical(["M12", "M3", "M3"], categories=["M3", "M12"])
    assert visit_codes(pd.Series(kind), "visit")[1] == ("M3", "M12")
    assert visit_codes(pd.Series(["M12", "M3"]), "visit")[1] == ("M12", "M3")
    with pytest.raises(AnalysisError, match=r"cannot be sorted.*int, str.*categorical"):
        visit_codes(pd.Series([1, "last"], dtype=object), "visit")


def test_visits_that_the_model_lacks_are_named():
    kind = pd.Series(pd.Categorical(["M3", "M3"], categories=["M3", "M12"]))
    assert unused_visits(kind, ("M3",)) == ["M12"]
    assert unused_visits(pd.Series([0.0, 3.0, np.nan]), (0,)) == ["3.0"]


def test_what_rows_cannot_determine_is_refused_by_name():
    whole = np.ones((6, 3), dtype=bool)
    check(whole)
    with pytest.raises(AnalysisError, match=r"two visits or more.*one, M0"):
        check(whole[:, :1], "ar1")
    with pytest.raises(AnalysisError, match=r"3 visits has 6 parameters, and needs more patients.*3 patients"):
        check(whole[:3])
    apart = whole.copy()
    apart[:3, 0] = apart[3:, 2] = False
    with pytest.raises(AnalysisError, match="no patient has both M0 and M6"):
        check(apart)
    with pytest.raises(AnalysisError, match="no patient has two visits 2 apart"):
        check(apart, "heterogeneous toeplitz")
    check(apart, "heterogeneous ar1")
    rare = whole.copy()
    rare[1:, 1] = False
    with pytest.raises(AnalysisError, match="one row at M3"):
        check(rare, "heterogeneous ar1")
    check(rare, "ar1")
    with pytest.raises(AnalysisError, match="no patient has two visits"):
        check(np.eye(3, dtype=bool), "compound symmetry")
    with pytest.raises(AnalysisError, match="25 visits at most"):
        check(np.ones((40, 26), dtype=bool))


def test_two_rows_at_one_visit_are_counted():
    with pytest.raises(AnalysisError, match=r"several rows at one visit \(patient, visit\).*1 such pairs, 2 rows"):
        check_layout(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), ("a", "b"), "ar1", "patient", "visit")
