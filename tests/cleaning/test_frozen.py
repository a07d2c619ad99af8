from __future__ import annotations

import re

import pandas as pd
import pytest

from lumier_analysis.cleaning import clean_study, frozen_measurement
from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import read_ct
from lumier_analysis.study import open_study


def test_constants_are_those_of_the_test_chips(broken):
    study = open_study(broken)
    with pytest.raises(AnalysisError, match="qpcr_constants"):
        frozen_measurement(study)
    cleaned = clean_study(study)
    cleaned.write(study)
    frozen = frozen_measurement(study)
    assert frozen.reference_genes == tuple(study.plan.panel.reference_genes)
    assert frozen.limit_of_detection == study.plan.qpcr.limit_of_detection
    assert frozen.calibrator == "IPC" and set(study.plan.panel.genes) <= set(frozen.calibrator_levels.index)
    assert "qpcr_constants" not in cleaned.tables["validation"]

    # A chip that holds validation tubes alone is read a cycle later: nothing that is frozen may move.
    tubes = set(cleaned.tables["validation"]["samples"]["sample_id"])
    for path in sorted((broken / "raw" / "biomark").glob("*.csv")):
        reactions = read_ct(path)
        if set(reactions["sample"]) - {"", "IPC", "NTC"} <= tubes:
            text = path.read_text(encoding="utf-8")
            late = re.sub(r"^(S\d\d-A\d\d,[^\n]*?,Test,)(\d+\.\d+)", _later, text, flags=re.MULTILINE)
            path.write_text(late, encoding="utf-8")
            assert read_ct(path)["ct"].mean() == pytest.approx(reactions["ct"].mean() + 1, abs=0.05)
            break
    else:
        pytest.fail("no chip holds validation tubes alone")
    pd.testing.assert_frame_equal(clean_study(study).measured.frozen.frame(), frozen.frame())


def _later(match):
    return f"{match[1]}{float(match[2]) + 1:.6f}"


def test_a_matrix_has_none(broken):
    plan = broken / "plan.yml"
    matrix = "source: matrix\n  annotation: reactions\n"
    plan.write_text(plan.read_text(encoding="utf-8").replace("source: qpcr ", matrix + "  #", 1), encoding="utf-8")
    assert frozen_measurement(open_study(broken)) is None
