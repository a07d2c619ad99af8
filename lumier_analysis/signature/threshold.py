"""The classification threshold, by a rule written before; positive: score >= threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance import roc_points
from lumier_analysis.performance.arrays import check_level, check_rows

Floats = npt.NDArray[np.float64]


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
    _check_rule(rule, target)
    # The first point (nobody positive) is no threshold.
    points = roc_points(outcome, score).iloc[1:]
    sensitivity, specificity = points["sensitivity"].to_numpy(), points["specificity"].to_numpy()
    at = _chosen(sensitivity, specificity, rule, target)
    text = (
        f"the highest threshold with a sensitivity of at least {target:.0%} on the test cohort"
        if rule == "sensitivity"
        else "the threshold with the largest Youden index on the test cohort"
    )
    value = float(points["threshold"].iloc[at])
    reached = f"sensitivity {sensitivity[at]:.0%}, specificity {specificity[at]:.0%}"
    shown = f"{value:.3f}".replace("-", "−")
    sentence = f"Threshold {shown}: {text} ({reached} there)."
    return Threshold(value, float(sensitivity[at]), float(specificity[at]), sentence)


@dataclass(frozen=True, slots=True)
class ThresholdDistribution:
    """Where the threshold might have come to lie with other patients.

    Attributes
    ----------
    threshold : Estimate
        The chosen threshold, with the percentile interval of the bootstrap.
    replicates : DataFrame
        One row a bootstrap sample: threshold, and sensitivity and specificity of that threshold on the original rows.
    """

    threshold: Estimate
    replicates: pd.DataFrame

    @property
    def sentence(self) -> str:
        """The spread, for the report."""
        t, level = self.threshold, f"{100 * self.threshold.level:g} %"
        tails = [(1 - t.level) / 2, (1 + t.level) / 2]
        spread = {
            what: "{:.0%} to {:.0%}".format(*self.replicates[what].quantile(tails))
            for what in ("sensitivity", "specificity")
        }
        return (
            f"Chosen on {len(self.replicates)} bootstrap samples of patients the threshold lies between {t.ci_low:.3f}"
            f" and {t.ci_high:.3f} ({level}); on the test cohort these thresholds have a sensitivity of"
            f" {spread['sensitivity']} and a specificity of {spread['specificity']}."
        )


def threshold_distribution(
    outcome: Any,
    score: Any,
    patients: Any,
    *,
    rule: Literal["sensitivity", "youden"] = "sensitivity",
    target: float = 0.80,
    n_boot: int = 2000,
    seed: int = 20160911,
    level: float = 0.95,
) -> ThresholdDistribution:
    """Choose the threshold anew in bootstrap samples of patients, all rows of a patient together.

    Parameters
    ----------
    outcome, score, rule, target
        As in `choose_threshold`.
    patients : array-like, shape (n,)
    n_boot, seed : int
    level : float

    Raises
    ------
    AnalysisError
        As `choose_threshold`, or no bootstrap sample with an event and a non-event.
    """
    check_level(level)
    best = choose_threshold(outcome, score, rule=rule, target=target)
    if n_boot < 2:
        raise UsageError("n_boot must be 2 or more", found=repr(n_boot), fix="n_boot=2000")
    rows = check_rows(outcome, {"score": score}, patients)
    order = np.argsort(-rows.scores[0], kind="stable")
    falling, event, who = rows.scores[0][order], rows.event[order], rows.patient[order]
    levels = np.flatnonzero(np.r_[True, np.diff(falling) < 0])

    def rates(weight: Floats) -> tuple[Floats, Floats]:
        hits = np.cumsum(np.add.reduceat(weight * event, levels))
        alarms = np.cumsum(np.add.reduceat(weight * ~event, levels))
        return hits / hits[-1], 1 - alarms / alarms[-1]

    original = np.column_stack(rates(np.ones(event.size)))
    rng, lines, void = np.random.default_rng(seed), [], 0
    for _ in range(n_boot):
        times = np.bincount(rng.integers(rows.n_patients, size=rows.n_patients), minlength=rows.n_patients)
        weight = times[who].astype(np.float64)
        if not (weight * event).any() or not (weight * ~event).any():
            void += 1
            continue
        at = _chosen(*rates(weight), rule, target)
        lines.append([falling[levels[at]], *original[at]])
    if not lines:
        raise AnalysisError("no bootstrap sample has an event and a non-event", found=f"{int(event.sum())} events")
    replicates = pd.DataFrame(lines, columns=["threshold", "sensitivity", "specificity"])
    low, high = replicates["threshold"].quantile([(1 - level) / 2, (1 + level) / 2])
    estimate = Estimate(
        value=best.value,
        se=float(replicates["threshold"].std()),
        ci_low=float(low),
        ci_high=float(high),
        level=level,
        method=f"{best.sentence.split(': ', 1)[1].split(' (')[0]}; percentile interval, {n_boot} bootstrap samples",
        n_patients=rows.n_patients,
        n_rows=event.size,
        n_events=int(event.sum()),
        note=f"{void} of {n_boot} bootstrap samples had no event or no non-event" if void else "",
    )
    return ThresholdDistribution(estimate, replicates)


def _check_rule(rule: str, target: float) -> None:
    if rule not in ("sensitivity", "youden"):
        raise UsageError("unknown threshold rule", found=repr(rule), fix="sensitivity or youden")
    if not 0 < target <= 1:
        raise UsageError("the target sensitivity must lie in (0, 1]", found=repr(target))


def _chosen(sensitivity: Floats, specificity: Floats, rule: str, target: float) -> int:
    """Return which of the falling thresholds the rule takes."""
    if rule == "sensitivity":
        # 4 of 5 events are 80 %, whatever the rounding of 0.8.
        return int(np.argmax(sensitivity >= target - 1e-12))
    youden = sensitivity + specificity - 1
    return int(np.argmax(youden >= youden.max() - 1e-12))
