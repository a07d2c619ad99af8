import pandas as pd
import pytest

from lumier_analysis.cleaning.sledai_flares import flares_from_sledai, without_serology
from lumier_analysis.errors import PlanError

VISITS = pd.DataFrame({"patient_id": "P", "day": [0, 91, 182], "sledai": [2, 2, 8]}).astype(
    {"day": "Int64", "sledai": "Float64"}
)


def recorded(onset, detection=182):
    return pd.DataFrame({"patient_id": ["P"], "onset_day": [onset], "detection_day": [detection]}).astype(
        {"onset_day": "Int64", "detection_day": "Int64"}
    )


@pytest.mark.parametrize(
    ("record", "day"),
    [(recorded(170), 170), (recorded(None), 182), (recorded(170, detection=180), 182), (recorded(80), 182)],
)
def test_the_record_lends_its_onset_where_it_fits(record, day):
    # Documented; not documented; another flare's; before a visit that had none.
    found = flares_from_sledai(VISITS, increase=3, quiescent_max=4, recorded=record)
    assert found["day"].tolist() == [day]
    assert found["detection_day"].tolist() == [182]


def test_without_descriptors_there_is_no_flare_without_serology():
    for call in (
        lambda: flares_from_sledai(VISITS, increase=3, quiescent_max=4, clinical=True),
        lambda: without_serology(recorded(170), VISITS),
    ):
        with pytest.raises(PlanError, match=r"flare\.serology_items: false needs the 24 SLEDAI-2K descriptors"):
            call()


def test_no_visit_gives_no_flare_and_keeps_the_columns():
    found = flares_from_sledai(VISITS.iloc[:0], increase=3, quiescent_max=4)
    assert len(found) == 0
    assert {"patient_id", "onset_day", "detection_day", "day", "is_flare"} <= set(found)
