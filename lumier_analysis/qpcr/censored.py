"""Values below the limit of detection: the normal distribution of a gene of which only the upper part is seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError

_LOG_SQRT_2PI = 0.9189385332046727


@dataclass(frozen=True, eq=False)
class CensoredFit:
    """Normal distributions of genes, fitted to values and bounds.

    Attributes
    ----------
    genes : DataFrame
        Index gene: mean, sd (log2; NaN where no fit was possible), detected, censored (numbers), fitted.
    centre : ndarray, shape (n_genes,)
        Mean of the detected values, from which the likelihood's own mean is counted.
    covariance : ndarray, shape (n_genes, 3)
        Variance of g = (mean - centre) / sd, covariance of g and h = log(1 / sd), variance of h.
    """

    genes: pd.DataFrame
    centre: np.ndarray
    covariance: np.ndarray


def _hazard(u: np.ndarray) -> np.ndarray:
    """Return phi(u) / Phi(u)."""
    return np.exp(-0.5 * u * u - _LOG_SQRT_2PI - scipy.special.log_ndtr(u))


def fit_censored(log2: pd.DataFrame, censored: pd.DataFrame, *, minimum_detected: int = 5) -> CensoredFit:
    """Fit a normal distribution to every gene by maximum likelihood; censored values are upper bounds (Tobit).

    Parameters
    ----------
    log2 : DataFrame
        Samples x genes; where `censored`, the value is a bound (each sample has its own) and the truth is lower.
    censored : DataFrame of bool
        Same shape.
    minimum_detected : int
        A gene with fewer detected values is not fitted.

    Returns
    -------
    CensoredFit

    Raises
    ------
    AnalysisError
        The two frames differ in shape or labels, or Newton's method does not converge.

    Notes
    -----
    Tobin 1958 (Econometrica 26:24). In g = mean / sd and t = 1 / sd the likelihood is concave (Olsen 1978, Econometrica
    46:1211), so Newton's method with halved steps finds its one maximum; all genes take their steps together.
    """
    if not (log2.index.equals(censored.index) and log2.columns.equals(censored.columns)):
        raise AnalysisError("Values and their censoring differ in samples or genes")
    x, c = log2.to_numpy(dtype="float64"), censored.to_numpy(dtype=bool)
    known = np.isfinite(x)
    d, c = known & ~c, known & c
    n_d, n_c = d.sum(axis=0), c.sum(axis=0)
    seen = np.where(d, x, np.nan)
    possible = n_d >= minimum_detected
    centre, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
    centre[possible] = np.nanmean(seen[:, possible], axis=0)
    scale[possible] = np.nanstd(seen[:, possible], axis=0)
    fitted = possible & (scale > 1e-9)
    scale = np.where(fitted, scale, 1.0)
    # Worked in units of the detected values: Newton then starts near the maximum whatever the gene's level.
    z = np.where(known, (x - centre) / scale, 0.0)[:, fitted]
    d, c = d[:, fitted], c[:, fitted]
    g, t = np.zeros(z.shape[1]), np.ones(z.shape[1])

    def value(g: np.ndarray, t: np.ndarray) -> np.ndarray:
        u = t * z - g
        return np.sum(np.where(d, np.log(t) - 0.5 * u * u, 0.0) + np.where(c, scipy.special.log_ndtr(u), 0.0), axis=0)

    n = np.maximum(n_d[fitted].astype(float), 1.0)
    information = np.zeros((3, z.shape[1]))
    for _ in range(100):
        u = t * z - g
        hazard = np.where(c, _hazard(u), 0.0)
        curve = hazard * (u + hazard)
        y = np.where(d, z, 0.0)
        gradient_g = np.sum(np.where(d, u, 0.0) - hazard, axis=0)
        gradient_t = n / t - np.sum(y * u, axis=0) + np.sum(z * hazard, axis=0)
        gg = n + np.sum(curve, axis=0)
        gt = -np.sum(y, axis=0) - np.sum(z * curve, axis=0)
        tt = n / t**2 + np.sum(y * y, axis=0) + np.sum(z * z * curve, axis=0)
        information = np.stack([gg, gt, tt])
        determinant = gg * tt - gt * gt
        step_g = (tt * gradient_g - gt * gradient_t) / determinant
        step_t = (gg * gradient_t - gt * gradient_g) / determinant
        # The gain still to be had, in log likelihood.
        if np.all(gradient_g * step_g + gradient_t * step_t < 1e-10):
            break
        now, size = value(g, t), np.ones_like(t)
        for _ in range(40):
            new_t = t + size * step_t
            better = new_t > 0
            better &= value(g + size * step_g, np.where(better, new_t, t)) >= now - 1e-12 * np.abs(now)
            if better.all():
                break
            size = np.where(better, size, size / 2)
        g, t = g + size * step_g, t + size * step_t
    else:
        raise AnalysisError(
            "The fit below the limit of detection does not converge", fix="use `qpcr.not_detected: limit`"
        )

    mean, sd = np.full(x.shape[1], np.nan), np.full(x.shape[1], np.nan)
    covariance = np.full((x.shape[1], 3), np.nan)
    mean[fitted], sd[fitted] = centre[fitted] + scale[fitted] * g / t, scale[fitted] / t
    gg, gt, tt = information
    determinant = gg * tt - gt * gt
    covariance[fitted] = np.stack([tt / determinant, -gt / determinant / t, gg / determinant / t**2], axis=1)
    table = pd.DataFrame(
        {"mean": mean, "sd": sd, "detected": n_d, "censored": n_c, "fitted": fitted}, index=log2.columns
    )
    return CensoredFit(table, centre, covariance)


def expected_below(log2: pd.DataFrame, censored: pd.DataFrame, fit: CensoredFit) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return mean and variance of every censored value, given that it lies below its bound.

    Where nothing is censored, or the gene has no fit, the mean is the value itself and the variance nil.
    """
    genes = fit.genes.loc[log2.columns]
    mean, sd = genes["mean"].to_numpy(), genes["sd"].to_numpy()
    x = log2.to_numpy(dtype="float64")
    use = censored.to_numpy(dtype=bool) & np.isfinite(x) & np.isfinite(sd)
    row, column = np.nonzero(use)
    u = (x[row, column] - mean[column]) / sd[column]
    hazard = _hazard(u)
    expected, variance = x.copy(), np.zeros_like(x)
    expected[row, column] = mean[column] - sd[column] * hazard
    variance[row, column] = np.maximum(sd[column] ** 2 * (1 - u * hazard - hazard**2), 0.0)
    return (
        pd.DataFrame(expected, index=log2.index, columns=log2.columns),
        pd.DataFrame(variance, index=log2.index, columns=log2.columns),
    )


def impute_below(
    log2: pd.DataFrame, censored: pd.DataFrame, fit: CensoredFit, *, imputations: int, seed: int
) -> Iterator[pd.DataFrame]:
    """Draw the censored values from below their bounds, again and again (multiple imputation).

    Parameters
    ----------
    log2, censored : DataFrame
        Samples x genes, as for `fit_censored`; the fit may come from other samples.
    fit : CensoredFit
        Genes without fit stay at their bounds.
    imputations : int
        How many completed matrices to give, one at a time.
    seed : int
        The same seed gives the same draws.

    Yields
    ------
    DataFrame
        `log2` with its censored values drawn. Each time the parameters themselves are drawn first, from their large
        sample distribution, so that the uncertainty of the fit is in the spread between imputations (Rubin 1987).
    """
    genes = fit.genes.loc[log2.columns]
    place = fit.genes.index.get_indexer(log2.columns)
    cov = np.nan_to_num(fit.covariance[place])
    mean, sd, centre = genes["mean"].to_numpy(), genes["sd"].to_numpy(), fit.centre[place]
    x = log2.to_numpy(dtype="float64")
    use = censored.to_numpy(dtype=bool) & np.isfinite(x) & np.isfinite(sd)
    row, column = np.nonzero(use)
    bound = x[row, column]
    rng = np.random.default_rng(seed)
    # Cholesky factor of the 2 x 2 covariance of (g, h).
    a = np.sqrt(cov[:, 0])
    b = np.divide(cov[:, 1], a, out=np.zeros_like(a), where=a > 0)
    e = np.sqrt(np.maximum(cov[:, 2] - b**2, 0.0))
    for _ in range(imputations):
        first, second = rng.standard_normal((2, len(genes)))
        new_sd = sd * np.exp(-(b * first + e * second))
        new_mean = centre + new_sd * ((mean - centre) / sd + a * first)
        m, s = new_mean[column], new_sd[column]
        log_u = np.log(rng.uniform(np.finfo(float).tiny, 1.0, len(row)))
        drawn = x.copy()
        below = scipy.special.log_ndtr((bound - m) / s)
        drawn[row, column] = np.minimum(m + s * scipy.special.ndtri_exp(log_u + below), bound)
        yield pd.DataFrame(drawn, index=log2.index, columns=log2.columns)
