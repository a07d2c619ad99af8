"""What a panel returns: one row per response and term, with t tests, intervals and q values."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from lumier_analysis.mixed.design import Design
from lumier_analysis.mixed.q_values import q_values

#: What is kept of each term of a response; all else follows.
PER_TERM = ("estimate", "se", "df")


class PanelTable:
    """Results by response: (k, p) arrays of the terms and (k,) arrays of the fits."""

    def __init__(self, k: int, p: int) -> None:
        self.terms = {name: np.full((k, p), np.nan) for name in PER_TERM}
        self.residual_variance, self.log_likelihood = np.full(k, np.nan), np.full(k, np.nan)
        self.singular, self.converged = np.zeros(k, dtype=bool), np.zeros(k, dtype=bool)
        self.n = np.zeros(k, dtype=np.int64)
        self.notes = [""] * k

    def say(self, place: int, words: str) -> None:
        """Add to the note of a response."""
        self.notes[place] = "; ".join(part for part in (self.notes[place], words) if part)


def long_table(
    table: PanelTable, names: list[str], family: npt.NDArray[Any], design: Design, n_data: int, level: float
) -> pd.DataFrame:
    """Return one row per response and term."""
    k, p = table.terms["estimate"].shape
    estimate, se, df = (table.terms[name].ravel() for name in PER_TERM)
    t = np.divide(estimate, se, out=np.full(k * p, np.nan), where=se > 0)
    finite = np.isfinite(df)
    stand_in = np.where(finite, df, 1.0)
    tail = np.where(finite, stdtr(stand_in, -np.abs(t)), ndtr(-np.abs(t)))
    half = np.where(finite, stdtrit(stand_in, 0.5 + level / 2), ndtri(0.5 + level / 2)) * se
    p_value = np.where(np.isnan(t), np.nan, 2 * tail)
    for place in np.flatnonzero(table.n < n_data):
        left_out = n_data - len(design.used)
        missing = len(design.used) - int(table.n[place])
        words = [f"{missing} rows without a value left out"] if missing else []
        words += [f"{left_out} rows without a variable of the model left out"] if left_out else []
        table.say(int(place), ", ".join(words))
    q = np.empty((k, p))
    for j in range(p):
        q[:, j] = q_values(pd.Series(p_value.reshape(k, p)[:, j]), family)
    out = {
        "response": np.repeat(np.array(names, dtype=object), p),
        "term": np.tile(np.array(design.columns, dtype=object), k),
        "estimate": estimate, "se": se, "df": df, "t": t, "p_value": p_value, "q_value": q.ravel(),
        "ci_low": estimate - half, "ci_high": estimate + half,
    }  # fmt: skip
    shared = {
        "residual_variance": table.residual_variance, "log_likelihood": table.log_likelihood,
        "singular": table.singular, "converged": table.converged, "n": table.n,
        "note": np.array(table.notes, dtype=object),
    }  # fmt: skip
    return pd.DataFrame(out | {name: np.repeat(shared[name], p) for name in shared})
