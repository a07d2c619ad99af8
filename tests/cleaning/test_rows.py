from __future__ import annotations

import pandas as pd

from lumier_analysis.cleaning import first_expression


class TwoTables:
    """A study that has samples and expression."""

    tables = {
        "samples": pd.DataFrame(
            {
                "sample_id": ["s3", "s1", "s2", "s4", "s5"],
                "patient_id": ["A", "A", "A", "B", "B"],
                "day": [182, 0, 91, 0, 95],
                "qc_pass": [True, False, True, True, True],
            }
        ),
        "expression": pd.DataFrame({"g": [1.0, 2.0, 3.0, 4.0, 5.0]}, index=["s1", "s2", "s3", "s4", "s5"]),
    }

    def read(self, name, cohort):
        assert cohort == "test"
        return self.tables[name]


def test_first_expression_is_that_of_the_patients_first_sample_that_passes():
    rows = pd.DataFrame(
        {"patient_id": ["A", "B", "A", "B"], "sample_id": ["s3", "s5", "s2", "s4"]}, index=[7, 8, 9, 10]
    )
    first = first_expression(TwoTables(), "test", rows)
    assert first["g"].to_dict() == {7: 2.0, 8: 4.0, 9: 2.0, 10: 4.0}
