"""A second opinion on the primary AUC: two other computations, and whether they agree with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.auc import DEFAULT_SEED, auc

#: Largest difference of a limit that still counts as agreement.
TOLERANCE = 0.02
RULE = (
    f"agree: the jackknife's and the bootstrap's {{level}} limits lie within {TOLERANCE:g} of the primary ones and on "
    "the same side of 0.5"
)


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """The primary result beside two independent computations of its interval.

    Attributes
    ----------
    primary : Estimate
        Obuchowski's clustered AUC (DeLong's without a cluster).
    jackknife : Estimate
        Delete-one-patient jackknife.
    bootstrap : Estimate
        Patient bootstrap with percentile interval: neither a variance formula nor the logit scale.
    agree : bool or None
        By `rule`; None where there is no interval to compare.
    rule : str
        The rule in words.
    note : str
        What disagrees, or why nothing can be compared.
    """

    primary: Estimate
    jackknife: Estimate
    bootstrap: Estimate
    agree: bool | None
    rule: str
    note: str = ""

    def __str__(self) -> str:
        verdict = {True: "agrees", False: "DISAGREES", None: "cannot be given"}[self.agree]
        parts = [f"jackknife {self.jackknife.text(3)}", f"bootstrap {self.bootstrap.text(3)}"]
        return f"Second opinion {verdict}: {'; '.join(parts)}{'; ' + self.note if self.note else ''} ({self.rule})"

    def _repr_html_(self) -> str:
        return f"{self.primary._repr_html_()}<p><small>{self}</small></p>"


def second_opinion(
    outcome: Any,
    score: Any,
    cluster: Any = None,
    *,
    level: float = 0.95,
    n_boot: int = 10_000,
    seed: int = DEFAULT_SEED,
) -> SecondOpinion:
    """Return the primary AUC beside the patient jackknife and the patient bootstrap.

    Parameters
    ----------
    outcome, score, cluster, level
        As in `auc`.
    n_boot, seed : int
        Of the bootstrap.

    Returns
    -------
    SecondOpinion
        With few events the rule is strict: percentile and logit intervals then differ, and it says so.

    Raises
    ------
    AnalysisError
        As `auc`.
    """
    primary = auc(outcome, score, cluster=cluster, level=level)
    jackknife = auc(outcome, score, cluster=cluster, method="jackknife", level=level)
    bootstrap = auc(outcome, score, cluster=cluster, interval="percentile", level=level, n_boot=n_boot, seed=seed)
    rule = RULE.format(level=f"{100 * level:g} %")
    if math.isnan(primary.ci_low):
        return SecondOpinion(primary, jackknife, bootstrap, None, rule, primary.note)
    if math.isnan(primary.se):
        # An AUC of 0 or 1: all three fall back on the same exact interval, which is no second computation.
        return SecondOpinion(primary, jackknife, bootstrap, None, rule, "AUC of 0 or 1: one exact interval only")
    differing = []
    for name, other in (("jackknife", jackknife), ("bootstrap", bootstrap)):
        if math.isnan(other.ci_low):
            differing.append(f"{name}: {other.note}")
            continue
        gap = max(abs(other.ci_low - primary.ci_low), abs(other.ci_high - primary.ci_high))
        sides = np.sign([(e.ci_low - 0.5, e.ci_high - 0.5) for e in (primary, other)])
        if gap > TOLERANCE:
            differing.append(f"{name}: a limit {gap:.3f} away")
        elif (sides[0] != sides[1]).any():
            differing.append(f"{name}: another side of 0.5")
    return SecondOpinion(primary, jackknife, bootstrap, not differing, rule, "; ".join(differing))
