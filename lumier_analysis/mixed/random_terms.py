"""Tests of the random effects of a model, dropped one term at a time."""

from __future__ import annotations

import math
import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import UsageError
from lumier_analysis.mixed.compare_models import is_correlated, likelihood_ratio
from lumier_analysis.mixed.fit_lmm import arrange
from lumier_analysis.mixed.lmm import LinearMixedModel

Floats = npt.NDArray[np.float64]


def test_random(model: LinearMixedModel) -> pd.DataFrame:
    """Return the likelihood ratio test of every random-effects term, as lmerTest::ranova drops them.

    Of ``1 + month`` within patients the slope is dropped; an intercept is dropped only where it stands alone, and with
    it the grouping factor. Without its last random effect the model is one of least squares.

    Parameters
    ----------
    model : LinearMixedModel
        By REML, or by maximum likelihood.

    Returns
    -------
    DataFrame
        Index term, "month | patient"; log_likelihood (of the smaller model), statistic, df, p_value, reference.
        ranova's p values are of chi2(df), which is conservative at the boundary; these are of the mixture, see
        `boundary_p_value`.

    Raises
    ------
    UsageError
        Not a model of `lmm`.
    AnalysisError
        The smaller model fits better: a search ended early.
    """
    if not isinstance(model, LinearMixedModel):
        raise UsageError("random effects are those of a model of lmm", found=type(model).__name__)
    arrays, found = model.fit.problem.arrays, {}
    for f, (name, effects) in enumerate(model.effects.items()):
        terms = [re.sub(r"\[[^\]]*\]", "", effect) for effect in effects]
        slopes = [t for t in dict.fromkeys(terms) if t != "Intercept"]
        for term in slopes or ["Intercept"]:
            kept = [i for i, t in enumerate(terms) if t != term]
            z, codes = list(arrays.z), list(arrays.codes)
            names = list(model.effects)
            correlated = is_correlated(model, name)
            lost = len(effects) - len(kept)
            if kept:
                z[f] = z[f][:, kept]
                df = lost * (lost + 1) // 2 + lost * len(kept) if correlated else lost
            else:
                z.pop(f), codes.pop(f), names.pop(f)
                df = lost * (lost + 1) // 2 if correlated else lost
            any_correlated = any(is_correlated(model, other) for other in model.effects)
            smaller = (
                arrange(model.design.x, z, codes, correlated=any_correlated, names=names)
                .problem(model.design.y, reml=model.reml)
                .fit()
                .log_likelihood
                if z
                else least_squares_log_likelihood(model.design.y, model.design.x, model.reml)
            )
            test = likelihood_ratio(smaller, model.log_likelihood, df, lost, model.reml)
            label = "1" if term == "Intercept" else term
            found[f"{label} | {name}"] = {
                "log_likelihood": smaller, "statistic": test.statistic, "df": test.df, "p_value": test.p_value,
                "reference": test.reference,
            }  # fmt: skip
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("term")


# pytest would take the name for a test where it is imported.
test_random.__test__ = False  # type: ignore[attr-defined]


def least_squares_log_likelihood(y: Floats, x: Floats, reml: bool) -> float:
    """Return the (restricted) log-likelihood of least squares, constants included.

    Parameters
    ----------
    y : ndarray, shape (n,)
    x : ndarray, shape (n, p)
        Of full column rank.
    """
    q, r = np.linalg.qr(x)
    rest = y - q @ (q.T @ y)
    nu = len(y) - x.shape[1] * reml
    log_det = 2 * float(np.log(np.abs(np.diag(r))).sum()) * reml
    return -0.5 * (nu * (1 + math.log(2 * math.pi * float(rest @ rest) / nu)) + log_det)
