import pandas as pd

from lumier_analysis.reporting.accounts import disclosed_accounts


def accounts(*lines):
    return pd.DataFrame(
        [("visits", "f", step, reason, n) for step, reason, n in lines],
        columns=["table", "file", "step", "reason", "rows"],
    )


def test_large_counts_stay_and_small_ones_go():
    shown = disclosed_accounts(
        accounts(("read", "", 30), ("set aside", "a", 2), ("set aside", "b", 3), ("used", "", 25))
    )
    assert shown["rows"].tolist() == [30, "<5", "<5", 25]


def test_a_single_small_count_takes_another_with_it():
    shown = disclosed_accounts(
        accounts(("read", "", 30), ("set aside", "a", 2), ("set aside", "b", 8), ("used", "", 20))
    )
    assert shown["rows"].tolist() == [30, "<5", "[c]", 20]


def test_tables_are_groups_of_their_own():
    one = accounts(("read", "", 9), ("used", "", 9))
    two = accounts(("read", "", 12), ("set aside", "a", 1), ("used", "", 11)).assign(table="samples")
    shown = disclosed_accounts(pd.concat([one, two], ignore_index=True))
    assert shown["rows"].tolist() == [9, 9, 12, "<5", "[c]"]
