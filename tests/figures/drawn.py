"""Figures of each kind, of a few made-up numbers, for tests of what is common to all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumier_analysis.figures import (
    calibration_figure,
    chip_figure,
    flow_diagram,
    forest_figure,
    missingness_figure,
    queries_figure,
    roc_figure,
    trajectory_figure,
)

INTERVALS = pd.DataFrame({"label": ["a", "b"], "value": [0.6, 0.7], "ci_low": [0.5, 0.6], "ci_high": [0.7, 0.8]})
GROUPS = pd.DataFrame({"predicted": [0.1], "observed": [0.2], "ci_low": [0.1], "ci_high": [0.4]})
CHIPS = pd.DataFrame({"detected": [0.9], "not_detected": [0.06], "untrusted": [0.04]}, index=["1"])
FLOW = [{"cohort": "test", "level": "patients", "step": "end", "reason": "analysed", "n": "<5"}]
DRAW = {
    "roc": lambda: roc_figure([0, 0.3, 1], [0, 0.7, 1], text="AUC 0.7"),
    "calibration": lambda: calibration_figure(GROUPS, histogram=([0, 0.1, 0.2, 0.3], [9, np.nan, np.nan])),
    "forest": lambda: forest_figure(INTERVALS),
    "flow": lambda: flow_diagram(FLOW),
    "missingness": lambda: missingness_figure(pd.DataFrame({"M0": [0.1, np.nan]}, index=["c3", "c4"])),
    "queries": lambda: queries_figure(pd.DataFrame({"note": [8, 5], "query": [6, 7]}, index=["01", "02"])),
    "chips": lambda: chip_figure(CHIPS),
    "trajectories": lambda: trajectory_figure(INTERVALS.rename(columns={"label": "visit", "value": "mean"})),
}
