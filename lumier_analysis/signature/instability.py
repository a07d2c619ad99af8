"""Instability of predicted risks: how far the risk of one row moves when the model is developed on other patients.

Riley and Collins (2023, Biom J 65:2200302): the models of bootstrap samples against the model of all rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.signature.patient_bootstrap import BootstrapFits


@dataclass(frozen=True, slots=True)
class Instability:
    """How stable predicted risks are.

    Attributes
    ----------
    rows : DataFrame
        One row a landmark: risk (model of all rows), low and high (2.5 and 97.5 % of the bootstrap models' risks), mape
        (mean absolute difference between the bootstrap models' risks and `risk`). Patient-level.
    mape : float
        Mean over rows, in risk (0 to 1).
    n_models : int
        Bootstrap models used.
    note : str
    """

    rows: pd.DataFrame
    mape: float
    n_models: int
    note: str = ""

    @property
    def sentence(self) -> str:
        """The result, for the report."""
        spread = self.rows["mape"].quantile(0.95)
        text = (
            f"Over {self.n_models} bootstrap models a predicted risk moved by {100 * self.mape:.1f} percentage points"
            f" on average (mean absolute prediction error), by more than {100 * spread:.1f} in one row of twenty."
        )
        return f"{text} {self.note}." if self.note else text


def prediction_instability(fits: BootstrapFits) -> Instability:
    """Return the instability of the risks of `patient_bootstrap`'s models.

    Raises
    ------
    AnalysisError
        No bootstrap sample gave a model.
    """
    usable = fits.usable
    if not usable.any():
        raise AnalysisError("no bootstrap sample of patients gave a model", found=f"{int(fits.event.sum())} events")
    risk, others = scipy.special.expit(fits.apparent), scipy.special.expit(fits.replicates[usable])
    low, high = np.quantile(others, [0.025, 0.975], axis=0)
    rows = pd.DataFrame(
        {"risk": risk, "low": low, "high": high, "mape": np.abs(others - risk).mean(axis=0)}, index=fits.rows
    )
    void = int((~usable).sum())
    note = f"{void} of {usable.size} bootstrap samples gave no model" if void else ""
    return Instability(rows, float(rows["mape"].mean()), int(usable.sum()), note)


def instability_bands(fits: BootstrapFits, *, n_bins: int = 20, minimum: int = 5) -> pd.DataFrame:
    """Return quantiles of the bootstrap models' risks in groups of rows of like risk: for drawing, nobody's own.

    Parameters
    ----------
    fits : BootstrapFits
    n_bins : int
        Groups asked for; fewer where they would hold fewer than `minimum` rows.
    minimum : int
        Least rows of a group: the disclosure threshold.

    Returns
    -------
    DataFrame
        One row a group, rising: risk (mean of the model of all rows), q2, q25, q50, q75, q97 (of the bootstrap risks in
        the group, in per cent points of their distribution 2.5, 25, 50, 75, 97.5), mape, rows.
    """
    if n_bins < 1 or minimum < 1:
        raise UsageError("there must be a group, and rows in it", found=f"{n_bins} groups of {minimum} rows")
    instability = prediction_instability(fits)
    risk, others = scipy.special.expit(fits.apparent), scipy.special.expit(fits.replicates[fits.usable])
    groups = np.array_split(np.argsort(risk, kind="stable"), max(1, min(n_bins, risk.size // minimum)))
    lines = []
    for group in groups:
        q = np.quantile(others[:, group], [0.025, 0.25, 0.5, 0.75, 0.975])
        mape = float(instability.rows["mape"].to_numpy()[group].mean())
        lines.append([float(risk[group].mean()), *q, mape, group.size])
    return pd.DataFrame(lines, columns=["risk", "q2", "q25", "q50", "q75", "q97", "mape", "rows"])
