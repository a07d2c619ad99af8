import numpy as np
import pandas as pd
import pytest

from lumier_analysis.performance.imputable import FEWEST_SEEN, imputable
from lumier_analysis.performance.imputation import impute_visits


@pytest.fixture
def rows():
    rng = np.random.default_rng(3)
    n = 30
    return pd.DataFrame(
        {
            "patient": np.repeat(np.arange(n), 2),
            "visit": np.tile(["M0", "M3"], n),
            "event": rng.integers(0, 2, 2 * n),
            "often": rng.standard_normal(2 * n),
            "seldom": rng.standard_normal(2 * n),
        }
    )


def test_a_column_seen_in_too_few_at_one_visit_is_named_with_its_reason(rows):
    at = rows.index[rows["visit"] == "M3"]
    rows.loc[at[FEWEST_SEEN - 1 :], "seldom"] = np.nan
    rows.loc[at[:3], "often"] = np.nan
    found, why = imputable(rows, visit="visit", columns=["often", "seldom"])
    assert found == ["often"]
    assert list(why) == ["seldom"] and "fewer than 5 patients" in why["seldom"] and "M3" not in why["seldom"]
    # What is left can be imputed, and the refused column cannot: the two functions hold one rule.
    copies = impute_visits(rows, patient="patient", visit="visit", outcome="event", measured=found, m=2)
    assert copies[0]["often"].notna().all()
    with pytest.raises(Exception, match="seldom at M3 cannot be imputed"):
        impute_visits(rows, patient="patient", visit="visit", outcome="event", measured=["seldom"], m=2)


def test_just_enough_values_or_none_missing_can_be_used(rows):
    at = rows.index[rows["visit"] == "M3"]
    rows.loc[at[FEWEST_SEEN:], "seldom"] = np.nan
    assert imputable(rows, visit="visit", columns=["seldom", "often"]) == (["seldom", "often"], {})
    few = rows.iloc[:4].assign(often=1.0)
    assert imputable(few, visit="visit", columns=["often"]) == (["often"], {})
