"""Diagnostics of a mixed model in one figure: residuals, random effects, variogram, influence.

Residuals are patient data. What is drawn for a report are percentiles with enough patients on either side, and means
of runs of neighbouring values of enough patients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.figures.pooled import binned_percentiles, run_means, run_starts
from lumier_analysis.figures.spaghetti import PATIENT_LEVEL
from lumier_analysis.figures.style import COLOURS, GREY, INK, PALE, new_figure, styled
from lumier_analysis.mixed import variogram
from lumier_analysis.study.names import display_text

Floats = npt.NDArray[np.float64]
_LETTERS = "abcdefgh"


@styled
def diagnostics_figure(
    residuals: npt.ArrayLike,
    fitted: npt.ArrayLike,
    patients: Any,
    *,
    time: npt.ArrayLike | None = None,
    random_effects: Mapping[str, npt.ArrayLike] | None = None,
    influence: npt.ArrayLike | None = None,
    marginal: npt.ArrayLike | None = None,
    lag_bins: Any = 8,
    threshold: int = 5,
    individual: bool = False,
    unit: str = "days",
    influence_label: str = "Cook's distance",
    n_simulated: int = 500,
    seed: int = 20160911,
    title: str = "",
) -> Figure:
    """Draw the diagnostics of a linear mixed model.

    Parameters
    ----------
    residuals, fitted : array-like of float, shape (n,)
        Of the observations, given the random effects (conditional), in units of the response.
    patients : array-like, shape (n,)
    time : array-like of float, shape (n,), optional
        In `unit`: draws the variogram.
    random_effects : mapping of name -> array-like of float, shape (n_patients,), optional
        At most three ("Intercept", "month"), one value a patient.
    influence : array-like of float, shape (n_patients,), optional
        A distance a patient, >= 0.
    marginal : array-like of float, shape (n,), optional
        Residuals from the fixed effects alone, for the variogram; default `residuals`.
    lag_bins : int or array-like
        As `mixed.variogram`.
    threshold : int
        Disclosure threshold.
    individual : bool
        Draw every residual and every patient: for work at the screen, never for a report; the figure says so.
    influence_label, unit, title : str
    n_simulated, seed : int
        Of the envelopes: pointwise 95 % of samples of independent normal values of the same size, pooled alike.

    Raises
    ------
    UsageError
        Lengths differ, or too many random effects.
    AnalysisError
        Values that are missing, infinite or constant, or too few patients to show anything.

    Notes
    -----
    Residuals and predicted random effects of a fitted model are neither independent nor of one variance; predicted
    random effects are shrunken, and look more normal than the truth. The envelopes are a yardstick, not a test.
    """
    r, f, who = _checked(residuals, fitted, patients)
    effects = {str(k): _finite(v, f"random effects {k}") for k, v in (random_effects or {}).items()}
    if len(effects) > 3:
        raise UsageError("At most three random effects are drawn", found=", ".join(effects))
    least = 1 if individual else threshold
    if np.unique(who).size < 2 * threshold:
        raise AnalysisError(
            "Too few patients for diagnostics that show none of them",
            found=f"{np.unique(who).size} patients at a threshold of {threshold}",
        )
    normal = partial(_normal_quantiles, rng=np.random.default_rng(seed), n_simulated=n_simulated, least=least)
    panels: list[tuple[str, Callable[[Axes], str]]] = [
        ("Residuals against fitted values", partial(_against_fitted, r, f, who, threshold, individual)),
        ("Residuals, normal quantiles", partial(normal, r, who, "Residuals / SD")),
    ]
    for name, values in effects.items():
        alone = np.arange(values.size)
        panels.append((f"Random effects: {display_text(name)}", partial(normal, values, alone, "Effects / SD")))
    if time is not None:
        shown = r if marginal is None else _finite(marginal, "marginal residuals")
        found = _finite(time, "times")
        if not shown.size == found.size == r.size:
            raise UsageError("One time a residual", found=f"{found.size} times, {shown.size} residuals of {r.size}")
        which = "Variogram of residuals" if marginal is None else "Variogram, fixed effects alone"
        panels.append((which, partial(_variogram, shown, found, who, lag_bins, least, unit)))
    if influence is not None:
        distances = _finite(influence, "influence")
        panels.append(("Influence of patients", partial(_influence, distances, least, influence_label)))

    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    figure = new_figure("double", 12 + 55 * lines, alt="")
    grid = figure.add_gridspec(lines, columns)
    told = []
    for k, (heading, draw) in enumerate(panels):
        axes = figure.add_subplot(grid[k // columns, k % columns])
        told.append(f"{heading}: {draw(axes)}")
        axes.set_title(f"{_LETTERS[k]}  {heading}", fontsize=7)
    note = (
        "Every residual and every patient: patient data, not for a report."
        if individual
        else f"Each mark is a mean over at least {threshold} patients, each percentile has at least {threshold} on "
        "either side.\nShaded in the quantile plots: pointwise 95 % of independent normal samples."
    )
    figure.supxlabel(note, fontsize=6.5, color=GREY, x=0.02, ha="left")
    if title:
        figure.suptitle(title, x=0.02, ha="left", fontsize=8.5, fontweight="bold")
    if individual:
        figure.set_gid(PATIENT_LEVEL)
    figure.set_label(display_text("Model diagnostics. " + " ".join(told)))
    return figure


def _finite(values: npt.ArrayLike, what: str) -> Floats:
    x = np.asarray(values, dtype=np.float64).ravel()
    if bad := int((~np.isfinite(x)).sum()):
        raise AnalysisError(f"Diagnostics need finite {what}", found=f"{bad} missing or infinite")
    return x


def _checked(residuals: Any, fitted: Any, patients: Any) -> tuple[Floats, Floats, npt.NDArray[Any]]:
    r, f, who = _finite(residuals, "residuals"), _finite(fitted, "fitted values"), np.asarray(patients).astype(str)
    if not r.size == f.size == who.size:
        raise UsageError(
            "Residuals, fitted values and patients differ in length", found=f"{r.size}, {f.size}, {who.size}"
        )
    return r, f, who


def _against_fitted(r: Floats, f: Floats, who: npt.NDArray[Any], threshold: int, individual: bool, axes: Axes) -> str:
    """Draw percentiles of the residuals in bins of the fitted values."""
    axes.axhline(0, color=INK, lw=0.7, ls=(0, (2, 2)))
    if individual:
        axes.plot(f, r, "o", color=GREY, ms=1.5, mew=0, alpha=0.6)
    for k in range(12, 3, -1):  # as many bins as still have deciles everywhere
        at, bands = binned_percentiles(f, r, who, k, least=threshold)
        if np.isfinite(bands[0.1]).all() and np.isfinite(bands[0.9]).all():
            break
    if not individual:
        axes.fill_between(at, bands[0.1], bands[0.9], color=PALE, lw=0, label="10th to 90th percentile")
        axes.fill_between(at, bands[0.25], bands[0.75], color="#a3a3a3", lw=0, label="25th to 75th")
    axes.plot(at, bands[0.5], "o-", color=COLOURS[0], mfc="white", ms=3, lw=1.2, label="Median")
    axes.set(xlabel="Fitted value", ylabel="Residual")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.32 * (high - low))
    axes.legend(loc="upper left", fontsize=6, borderaxespad=0.1, labelspacing=0.2, handlelength=1.8)
    median = bands[0.5][np.isfinite(bands[0.5])]
    return f"medians from {median.min():.2f} to {median.max():.2f} in {k} bins." if median.size else "withheld."


def _normal_quantiles(
    values: Floats,
    who: npt.NDArray[Any],
    label: str,
    axes: Axes,
    *,
    rng: np.random.Generator,
    n_simulated: int,
    least: int,
) -> str:
    """Draw sorted values against normal quantiles, with the envelope of normal samples pooled in the same way."""
    n = values.size
    spread = float(values.std(ddof=1)) if n > 1 else 0.0
    if not spread > 0:
        axes.text(0.5, 0.5, "No spread:\nthe variance is estimated as 0", transform=axes.transAxes, ha="center")
        axes.set(xlabel="Normal quantile", ylabel=label)
        return "no spread."
    order = np.argsort(values, kind="stable")
    z = (values[order] - values.mean()) / spread
    starts = np.arange(n) if least <= 1 else run_starts(who[order], least)
    if not starts.size:
        axes.text(0.5, 0.5, "Withheld: too few patients", transform=axes.transAxes, ha="center")
        axes.set(xlabel="Normal quantile", ylabel=label)
        return "withheld."
    # Blom's plotting positions.
    x = run_means(norm.ppf((np.arange(1, n + 1) - 0.375) / (n + 0.25)), starts)
    drawn = rng.standard_normal((n_simulated, n))
    drawn = np.sort((drawn - drawn.mean(axis=1, keepdims=True)) / drawn.std(axis=1, ddof=1, keepdims=True), axis=1)
    low, high = np.quantile(run_means(drawn, starts), [0.025, 0.975], axis=0)
    y = run_means(z, starts)
    axes.fill_between(x, low, high, color=PALE, lw=0)
    axes.plot(x, x, color=INK, lw=0.7, ls=(0, (2, 2)))
    axes.plot(x, y, "o", color=COLOURS[0], mfc="white", mew=0.6, ms=2.4)
    axes.set(xlabel="Normal quantile", ylabel=label)
    outside = int(((y < low) | (y > high)).sum())
    return f"{100 * outside / y.size:.0f} % of {y.size} marks outside the envelope."


def _variogram(r: Floats, time: Floats, who: npt.NDArray[Any], bins: Any, least: int, unit: str, axes: Axes) -> str:
    """Draw the semivariogram with 95 % intervals, and the total variance."""
    found = variogram(r, time, who, bins=bins)
    table = found.table[found.table["n_groups"] >= max(least, 2)]
    # The intervals are normal ones on the jackknife's standard error, cut at zero.
    error = norm.ppf(0.975) * table["se"].to_numpy()
    value = table["semivariance"].to_numpy()
    axes.axhline(found.variance, color=INK, lw=0.9, ls=(0, (5, 2)), label="Total variance")
    axes.errorbar(
        table["lag"], value, yerr=[np.minimum(error, value), error], fmt="s-", color=COLOURS[1], mfc="white", mew=1,
        ms=3, elinewidth=0.8, capsize=1.5, lw=1.1, label="Within patients",
    )  # fmt: skip
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.35 * max(found.variance, float(np.max(value + error, initial=0.0))))
    axes.set(xlabel=f"Time between two samples, {unit}", ylabel="Semivariance")
    axes.legend(loc="upper left", fontsize=6, ncols=2, borderaxespad=0.1, columnspacing=1)
    if table.empty:
        return "withheld."
    return f"from {value[0]:.2f} to {value[-1]:.2f}, total variance {found.variance:.2f}."


def _influence(distance: Floats, least: int, label: str, axes: Axes) -> str:
    """Draw distances of patients in falling order, without names."""
    if (distance < 0).any():
        raise UsageError("Distances are not negative", found=f"{int((distance < 0).sum())} values")
    n = distance.size
    falling = np.sort(distance)[::-1]
    starts = np.arange(0, n - n % least if n >= least else 0, least)
    if not starts.size:
        axes.text(0.5, 0.5, "Withheld: too few patients", transform=axes.transAxes, ha="center")
        return "withheld."
    rank, y = run_means(np.arange(1.0, n + 1), starts), run_means(falling, starts)
    axes.vlines(rank, 0, y, color=GREY, lw=0.6)
    axes.plot(rank, y, "D", color=COLOURS[2], mfc="white", mew=0.8, ms=2.6)
    axes.axhline(4 / n, color=INK, lw=0.7, ls=(0, (2, 2)))
    axes.annotate("4 / patients", (1, 4 / n), (-1, 2), xycoords=("axes fraction", "data"),
                  textcoords="offset points", ha="right", va="bottom", fontsize=6)  # fmt: skip
    axes.set_ylim(0, 1.08 * max(float(y.max()), 4 / n))
    axes.set(xlabel="Patients, most influential first", ylabel=label)
    return f"largest {'mean of ' + str(least) + ' ' if least > 1 else ''}{y[0]:.3f}, against 4 / n = {4 / n:.3f}."
