import pandas as pd
import pytest

from lumier_analysis.cleaning.titres import titre_from_time, to_titre


@pytest.mark.parametrize(
    ("stored", "titre"),
    [(0.0972222, 80), (0.048611111, 10), (0.069444444, 40), (0.263888889, 320), (0.930555556, 1280)],
)
def test_a_titre_read_as_a_time_of_day_is_recovered(stored, titre):
    assert titre_from_time(pd.Series([stored])).item() == titre


@pytest.mark.parametrize("titre", [10 * 2**k for k in range(10)])
def test_the_recovery_inverts_what_a_spreadsheet_does(titre):
    assert titre_from_time(pd.Series([round((60 + titre) / 1440, 9)])).item() == titre


@pytest.mark.parametrize("value", [0.25, 0.5, 3.0, 12.0, 1.0])
def test_a_result_in_units_is_left_alone(value):
    assert titre_from_time(pd.Series([value])).isna().item()


def test_units_and_titres_are_kept_apart():
    value, titre, recovered, bad = to_titre(pd.Series(["3", "1:40", "(-)", "0.097222222", "ND", "?"]), ".", ["ND"])
    assert value.tolist()[0] == 3 and value.iloc[1:].isna().all()
    assert titre.iloc[1:4].tolist() == [40, 0, 80]
    assert recovered.tolist() == [False, False, False, True, False, False]
    assert bad.tolist() == [False] * 5 + [True]
