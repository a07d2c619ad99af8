"""The classification threshold, by a rule written before; positive: score >= threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lumier_analysis.errors import UsageError
from lumier_analysis.performance import roc_points


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold and what it does on the rows it was chosen on.

    Attributes
    ----------
    value : float
        In units of the score; an observed score.
    sensitivity, specificity : float
        On these rows: optimistic, the validation cohort decides.
    sentence : str
        The rule and its outcome, for the report.
    """

    value: float
    sensitivity: float
    specificity: float
    sentence: str

    def __float__(self) -> float:
        return self.value


def choose_threshold(
    outcome: Any, score: Any, *, rule: Literal["sensitivity", "youden"] = "sensitivity", target: float = 0.80
) -> Threshold:
    """Choose the threshold on the test cohort.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
    score : array-like of float, shape (n,)
        Higher = higher risk. For a score learned on the same rows pass its out-of-fold predictions.
    rule : {"sensitivity", "youden"}
        "sensitivity": the highest threshold whose sensitivity is at least `target`. "youden": the largest
        sensitivity + specificity - 1 (Youden 1950), the highest threshold among equals.
    target : float
        In (0, 1].

    Raises
    ------
    AnalysisError
        As `roc_points`: without an event or without a non-event.
    UsageError
        An unknown rule or an impossible target.
    """
    if rule not in ("sensitivity", "youden"):
        raise UsageError("unknown threshold rule", found=repr(rule), fix="sensitivity or youden")
    if not 0 < target <= 1:
        raise UsageError("the target sensitivity must lie in (0, 1]", found=repr(target))
    # The first point (nobody positive) is no threshold.
    points = roc_points(outcome, score).iloc[1:]
    sensitivity, specificity = points["sensitivity"].to_numpy(), points["specificity"].to_numpy()
    if rule == "sensitivity":
        # 4 of 5 events are 80 %, whatever the rounding of 0.8.
        at = int(np.argmax(sensitivity >= target - 1e-12))
        text = f"the highest threshold with a sensitivity of at least {target:.0%} on the test cohort"
    else:
        youden = sensitivity + specificity - 1
        at = int(np.argmax(youden >= youden.max() - 1e-12))
        text = "the threshold with the largest Youden index on the test cohort"
    value = float(points["threshold"].iloc[at])
    reached = f"sensitivity {sensitivity[at]:.0%}, specificity {specificity[at]:.0%}"
    shown = f"{value:.3f}".replace("-", "−")
    sentence = f"Threshold {shown}: {text} ({reached} there)."
    return Threshold(value, float(sensitivity[at]), float(specificity[at]), sentence)
