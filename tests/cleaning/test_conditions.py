import datetime

import pandas as pd
import pytest

from lumier_analysis.cleaning.conditions import RuleTable, in_words
from lumier_analysis.errors import PlanError

PATIENTS = pd.DataFrame(
    {
        "patient_id": ["a", "b"],
        "sex": pd.array(["male", "female"], dtype="string"),
        "pregnant": pd.array([False, None], dtype="boolean"),
        "end_date": pd.to_datetime(["2018-01-01", None]),
    }
)
VISITS = pd.DataFrame(
    {
        "patient_id": ["a", "a", "b", "b"],
        "visit": pd.array(["M0", "M3", "M0", "M0"], dtype="string"),
        "date": pd.to_datetime(["2017-01-01", "2018-02-01", "2017-05-01", "2017-06-01"]),
        "dose": [0.0, 7.5, None, 20.0],
    }
)
SAMPLES = pd.DataFrame({"patient_id": ["a", "b", "c"], "visit": ["M3", "M0", "M0"]})
TABLES = {"patients": PATIENTS, "visits": VISITS, "samples": SAMPLES}


def table(name="visits"):
    return RuleTable(name, TABLES, "r")


def listed(found):
    return [None if pd.isna(value) else bool(value) for value in found]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"dose": {"above": 0}}, [False, True, None, True]),
        ({"dose": {"at_least": 7.5, "below": 20}}, [False, True, None, False]),
        ({"dose": {"at_most": 7.5}}, [True, True, None, False]),
        ({"dose": 0}, [True, False, None, False]),
        ({"dose": {"missing": True}}, [False, False, True, False]),
        ({"dose": {"missing": False}}, [True, True, False, True]),
        ({"visit": "M0"}, [True, False, True, True]),
        ({"visit": {"not": ["M0", "M3"]}}, [False, False, False, False]),
        ({"visit": ["M0", "M3"], "dose": {"above": 10}}, [False, False, None, True]),
        ({"date": {"above": datetime.date(2017, 12, 31)}}, [False, True, False, False]),
        ({"patients.sex": "male"}, [True, True, False, False]),
        ({"patients.pregnant": False}, [True, True, None, None]),
    ],
)
def test_conditions_hold_do_not_hold_or_are_unknown(condition, holds):
    assert listed(table().holds(condition)) == holds


def test_a_sample_sees_its_visit_where_there_is_one_and_no_more():
    dates = table("samples").column("visits.date")
    # b has two lines M0 and c none: which date is meant is unknown.
    assert dates.notna().tolist() == [True, False, False]
    assert dates[0] == pd.Timestamp("2018-02-01")


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"doze": 1}, r"rule r names the column doze, which the table visits does not have.*did you mean dose\?"),
        ({"patients.sexe": "male"}, r"the column sexe, which the table patients does not have.*did you mean sex\?"),
        ({"samples.date": 1}, "names samples.date, which a rule on visits cannot see"),
        ({"dose": "high"}, "compares dose with 'high'. To mend it: dose is a number"),
        ({"dose": True}, "dose is a number"),
        ({"visit": 3}, "visit is text"),
        ({"visit": {"above": "M0"}}, "compares visit with above .*it has no order"),
        ({"patients.pregnant": "no"}, r"patients\.pregnant is yes or no"),
        ({"date": "2017-01-01"}, "date is a date such as 2018-03-01, without quotes"),
    ],
)
def test_what_does_not_fit_is_named(condition, message):
    with pytest.raises(PlanError, match=message):
        table().holds(condition)


def test_in_words():
    condition = {"dose": {"above": 0, "at_most": 10}, "visit": ["M0", "M3"], "flare": False, "date": {"missing": False}}
    assert in_words(condition) == "dose above 0 and dose at most 10 and visit M0 or M3 and flare no and date given"
