"""The elastic net learned on the whole test cohort: the candidate that may be locked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.arrays import check_rows
from lumier_analysis.signature.folds import patient_codes
from lumier_analysis.signature.tuning import ElasticNetFit, Settings, tune_elastic_net


@dataclass(frozen=True, slots=True)
class Refit:
    """An elastic net with the names of its columns.

    Attributes
    ----------
    fit : ElasticNetFit
    genes : tuple of str
        Columns it was offered, in their order.
    """

    fit: ElasticNetFit
    genes: tuple[str, ...]

    @property
    def selected(self) -> pd.Series:
        """Coefficients per training standard deviation of the genes with a coefficient other than 0."""
        coef = pd.Series(self.fit.coef, index=list(self.genes), name="coefficient")
        return coef[coef != 0]


def refit_elastic_net(
    features: pd.DataFrame, outcome: Any, patients: Any, *, settings: Settings | None = None, seed: int = 20160911
) -> Refit:
    """Tune and fit the elastic net on all rows, as in each outer fold of `nested_cv`.

    Parameters
    ----------
    features : DataFrame, shape (n, p)
        One row a landmark, one column a gene; NaN = missing.
    outcome : array-like of 0/1 or bool, shape (n,)
    patients : array-like, shape (n,)
    settings : Settings, optional
    seed : int

    Raises
    ------
    AnalysisError
        Rows that do not match, or fewer than two event patients.
    """
    rows = check_rows(np.asarray(outcome), {}, patients)
    x = features.to_numpy(dtype=np.float64, na_value=np.nan)
    if len(x) != rows.event.size or np.isinf(x).any():
        raise AnalysisError(
            "features must have one finite row for each outcome", found=f"{len(x)} rows, {rows.event.size} outcomes"
        )
    codes, _ = patient_codes(patients)
    with threadpool_limits(limits=1):
        fit = tune_elastic_net(x, rows.event, codes, settings or Settings(), (seed,))
    return Refit(fit, tuple(str(c) for c in features.columns))
