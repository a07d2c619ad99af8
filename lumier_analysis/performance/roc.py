"""The points of a ROC curve, for drawing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.arrays import check_rows


def roc_points(outcome: Any, score: Any) -> pd.DataFrame:
    """Return the empirical ROC curve, one row a distinct threshold.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
    score : array-like of float, shape (n,)
        Higher = higher risk; positive: score >= threshold.

    Returns
    -------
    DataFrame
        threshold (falling, the first infinite: nobody positive), sensitivity, specificity. Joined by straight lines
        its area is the AUC, ties 1/2.

    Raises
    ------
    AnalysisError
        As `auc`, and without an event or without a non-event.
    """
    rows = check_rows(outcome, {"score": score})
    m = int(rows.event.sum())
    if m in (0, rows.event.size):
        raise AnalysisError("a ROC curve needs events and non-events", found=f"{m} events of {rows.event.size} rows")
    order = np.argsort(-rows.scores[0], kind="stable")
    falling, event = rows.scores[0][order], rows.event[order]
    last = np.r_[np.flatnonzero(np.diff(falling)), falling.size - 1]
    hits, alarms = np.cumsum(event)[last], np.cumsum(~event)[last]
    return pd.DataFrame(
        {
            "threshold": np.r_[np.inf, falling[last]],
            "sensitivity": np.r_[0.0, hits / m],
            "specificity": np.r_[1.0, 1 - alarms / (event.size - m)],
        }
    )
