"""Optimism of the apparent AUC: Harrell's bootstrap correction and .632+, with patients as units.

For models of one to five parameters. With a whole panel of genes Harrell's correction is far from enough (see
docs/optimism_evidence.md), and nested cross-validation is the headline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance import auc
from lumier_analysis.performance.arrays import Bools, Floats
from lumier_analysis.signature.patient_bootstrap import BootstrapFits

# The AUC of a model without information.
NO_INFORMATION = 0.5


@dataclass(frozen=True, slots=True)
class Optimism:
    """The apparent AUC and two corrections.

    Attributes
    ----------
    apparent : Estimate
        AUC of the model on the rows it was learned from (Obuchowski, patients as clusters).
    harrell : Estimate
        apparent - mean over bootstrap samples of (AUC in the sample - AUC on all rows).
    plus632 : Estimate
        Efron and Tibshirani's (1997) .632+.
    replicates : DataFrame
        One row a bootstrap sample: auc_sample, auc_original, auc_left_out (patients not drawn), NaN where undefined.
    """

    apparent: Estimate
    harrell: Estimate
    plus632: Estimate
    replicates: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """Return the three AUCs, one row each."""
        rows = {"apparent": self.apparent, "Harrell": self.harrell, ".632+": self.plus632}
        columns = ("value", "ci_low", "ci_high", "n_patients", "n_rows", "n_events", "note")
        return pd.DataFrame({n: {c: getattr(e, c) for c in columns} for n, e in rows.items()}).T.rename_axis("AUC")


def optimism_table(models: Mapping[str, Optimism]) -> pd.DataFrame:
    """Return the AUCs of several models, indexed by model and AUC, to three decimals."""
    table = pd.concat({name: result.table() for name, result in models.items()}, names=["model"])
    numbers = ["value", "ci_low", "ci_high"]
    return table.assign(**table[numbers].astype(float).round(3))


def weighted_auc(event: Bools, score: Floats, weight: Floats) -> float:
    """Return the AUC of rows that count `weight` times each, ties 1/2; NaN without an event or a non-event."""
    order = np.argsort(score, kind="stable")
    up, down = (weight * event)[order], (weight * ~event)[order]
    levels = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
    up, down = np.add.reduceat(up, levels), np.add.reduceat(down, levels)
    pairs = up.sum() * down.sum()
    return float(up @ (np.cumsum(down) - down / 2) / pairs) if pairs > 0 else float("nan")


def plus632(apparent: float, left_out: float) -> float:
    """Return the .632+ estimate of an AUC.

    Efron and Tibshirani (1997, J Am Stat Assoc 92:548, eq. 27-32) with the error 1 - AUC and the no-information AUC of
    0.5. `left_out` below 0.5 counts as 0.5, and a relative overfitting outside [0, 1] as its nearer end.
    """
    out = max(left_out, NO_INFORMATION)
    overfit = (apparent - out) / (apparent - NO_INFORMATION) if apparent > max(out, NO_INFORMATION) else 0.0
    weight = 0.632 / (1 - 0.368 * overfit)
    return (1 - weight) * apparent + weight * out


def bootstrap_optimism(fits: BootstrapFits, *, level: float = 0.95) -> Optimism:
    """Correct the apparent AUC for its optimism.

    Parameters
    ----------
    fits : BootstrapFits
        Of `patient_bootstrap`.
    level : float
        The intervals of both corrections are percentiles of the AUC in the bootstrap samples, shifted by the correction
        (Noma et al. 2021, Stat Med 40:5691): somewhat short where the optimism itself is uncertain.

    Raises
    ------
    AnalysisError
        No bootstrap sample gave a model.
    """
    apparent = auc(fits.event, fits.apparent, cluster=fits.patient, level=level)
    table = pd.DataFrame(
        [_aucs(fits, b) for b in range(len(fits.replicates))], columns=["auc_sample", "auc_original", "auc_left_out"]
    )
    inside = table["auc_sample"] - table["auc_original"]
    if not inside.notna().any() or not table["auc_left_out"].notna().any():
        raise AnalysisError(
            "no bootstrap sample of patients gave a model that can be judged",
            found=f"{int(fits.event.sum())} events in {fits.n_patients} patients",
        )
    void = int(inside.isna().sum())
    note = f"{void} of {len(table)} bootstrap samples gave no model" if void else ""
    tail = (1 - level) / 2
    low, high = np.nanquantile(table["auc_sample"], [tail, 1 - tail])

    def corrected(value: float, name: str) -> Estimate:
        shift = apparent.value - value
        return Estimate(
            value=value,
            ci_low=max(0.0, float(low) - shift),
            ci_high=min(1.0, float(high) - shift),
            level=level,
            method=f"AUC, {name}, {len(table)} bootstrap samples of patients; shifted percentile interval",
            n_patients=fits.n_patients,
            n_rows=fits.event.size,
            n_events=int(fits.event.sum()),
            note=note,
        )

    return Optimism(
        apparent,
        corrected(apparent.value - float(inside.mean()), "Harrell's optimism correction"),
        corrected(plus632(apparent.value, float(table["auc_left_out"].mean())), ".632+"),
        table,
    )


def _aucs(fits: BootstrapFits, b: int) -> tuple[float, float, float]:
    """Return the AUCs of the model of sample `b` in the sample, on all rows, and on the patients left out."""
    score, times = fits.replicates[b], fits.times[b][fits.patient].astype(np.float64)
    if np.isnan(score).any():
        return float("nan"), float("nan"), float("nan")
    everyone = np.ones(score.size)
    return tuple(weighted_auc(fits.event, score, w) for w in (times, everyone, everyone * (times == 0)))  # type: ignore[return-value]
