"""Whether a sample is large enough to develop a risk model: Riley's three criteria for a binary outcome.

Riley et al. 2019 (Stat Med 38:1276) and 2020 (BMJ 368:m441); R² from a C statistic as in Riley et al. 2021 (Stat Med
40:4230), computed by quadrature in place of their simulation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError, UsageError

SHRINKAGE = 0.9
OPTIMISM_R2 = 0.05
MARGIN = 0.05
CRITERIA = ("shrinkage", "optimism in R²", "overall risk")


def maximum_r2(prevalence: float) -> float:
    """Return the largest Cox-Snell R² that any model can have: 1 - exp(2 ln L0 / n) (Riley 2019, eq. 23)."""
    _check_share(prevalence, "prevalence")
    null = float(scipy.special.xlogy(prevalence, prevalence) + scipy.special.xlog1py(1 - prevalence, -prevalence))
    return -math.expm1(2 * null)


def r2_from_c(c_statistic: float, prevalence: float) -> float:
    """Return the Cox-Snell R² of a calibrated model with this C statistic.

    The linear predictor is taken as normal with the same variance in events and non-events, so that their means lie
    sqrt(2) qnorm(C) standard deviations apart and the logistic model in it is exact.

    Parameters
    ----------
    c_statistic : float
        In [0.5, 1).
    prevalence : float
        Share of units with an event, in (0, 1).
    """
    _check_share(prevalence, "prevalence")
    if not 0.5 <= c_statistic < 1:
        raise UsageError("the C statistic must lie in [0.5, 1)", found=repr(c_statistic))
    gap = math.sqrt(2) * float(scipy.stats.norm.ppf(c_statistic))
    start = math.log(prevalence / (1 - prevalence)) - gap**2 / 2
    x = np.linspace(-9.0, 9.0 + gap, 20_001)
    eta = start + gap * x
    # Mean log likelihood a unit: events are N(gap, 1), non-events N(0, 1).
    density = -prevalence * scipy.stats.norm.pdf(x - gap) * np.logaddexp(0, -eta)
    density -= (1 - prevalence) * scipy.stats.norm.pdf(x) * np.logaddexp(0, eta)
    model = float(np.trapezoid(density, x))
    null = float(scipy.special.xlogy(prevalence, prevalence) + scipy.special.xlog1py(1 - prevalence, -prevalence))
    return max(0.0, -math.expm1(-2 * (model - null)))


def required_size(n_parameters: int, prevalence: float, r2: float, *, shrinkage: float = SHRINKAGE) -> dict[str, int]:
    """Return the units that each criterion asks for.

    Parameters
    ----------
    n_parameters : int
        Coefficients that are estimated or searched for, the intercept not counted: every candidate gene is one.
    prevalence : float
        Share of units with an event.
    r2 : float
        Expected Cox-Snell R² of the model.
    shrinkage : float
        Least expected calibration slope.

    Returns
    -------
    dict
        "shrinkage": expected slope at least `shrinkage` (Riley 2019, eq. 11). "optimism in R²": apparent Nagelkerke R²
        at most 0.05 too high. "overall risk": prevalence known to +- 0.05.

    Raises
    ------
    UsageError
        R² not above 0, or beyond what the prevalence or the shrinkage allows.
    """
    if n_parameters < 1:
        raise UsageError("a model has at least one parameter", found=repr(n_parameters))
    ceiling = maximum_r2(prevalence)
    if not 0 < r2 < min(ceiling, shrinkage) or not shrinkage < 1:
        raise UsageError(
            "the Cox-Snell R² must be above 0 and below what the prevalence allows",
            found=f"R² {r2:.4g}, at most {ceiling:.4g}; shrinkage {shrinkage:g}",
        )

    def units(slope: float) -> int:
        return math.ceil(n_parameters / ((slope - 1) * math.log1p(-r2 / slope)))

    return {
        CRITERIA[0]: units(shrinkage),
        CRITERIA[1]: units(r2 / (r2 + OPTIMISM_R2 * ceiling)),
        CRITERIA[2]: math.ceil((1.96 / MARGIN) ** 2 * prevalence * (1 - prevalence)),
    }


def expected_shrinkage(n: int, n_parameters: int, r2: float) -> float:
    """Return the calibration slope to expect in new patients: S with n = P / ((S - 1) ln(1 - R² / S)); 0 if none.

    `r2` is the model's R² in new patients, as in `required_size`.
    """

    def excess(s: float) -> float:
        return n * (s - 1) * math.log1p(-r2 / s) - n_parameters

    # The left side falls in s from infinity at R² to 0 at 1, so that there is exactly one root.
    low, high = r2 * (1 + 1e-12), 1.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2


def adequacy_table(
    n: int,
    n_events: int,
    c_statistic: float,
    models: dict[str, int] | Iterable[int] = (1, 2, 3, 5, 10),
    *,
    shrinkage: float = SHRINKAGE,
) -> pd.DataFrame:
    """Hold a sample against Riley's criteria, one row a model.

    The criteria are for independent units. Landmarks of one patient are not: with `n` landmarks the table is the best
    case, with `n` patients (an event = any flare) the cautious one.

    Parameters
    ----------
    n, n_events : int
        Units and events of the sample at hand.
    c_statistic : float
        AUC the model may be hoped to have in new patients; from earlier studies or the plan, never the apparent one.
    models : dict of name -> parameters, or iterable of parameters
    shrinkage : float

    Returns
    -------
    DataFrame
        Index model; parameters, needed by each criterion (units), needed (the largest), needed_events, available,
        available_events, expected_shrinkage (slope to expect with this sample), adequate.

    Raises
    ------
    AnalysisError
        No event or no non-event.
    UsageError
        As `required_size`; a C statistic of 0.5 supports no model at all.
    """
    if not 0 < n_events < n:
        raise AnalysisError("sample size needs events and non-events", found=f"{n_events} events of {n} units")
    named = models if isinstance(models, dict) else {f"{k} parameter{'s' if k > 1 else ''}": k for k in models}
    prevalence = n_events / n
    r2 = r2_from_c(c_statistic, prevalence)
    rows = {}
    for name, k in named.items():
        needed = required_size(k, prevalence, r2, shrinkage=shrinkage)
        most = max(needed.values())
        rows[name] = {
            "parameters": k,
            **needed,
            "needed": most,
            "needed_events": math.ceil(most * prevalence),
            "available": n,
            "available_events": n_events,
            "expected_shrinkage": expected_shrinkage(n, k, r2),
            "adequate": n >= most,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def adequacy_sentence(table: pd.DataFrame, units: str = "landmarks") -> str:
    """Say in one sentence which models the sample supports."""
    n, m = (int(table[c].iloc[0]) for c in ("available", "available_events"))
    good = [_named(table, int(i)) for i in np.flatnonzero(table["adequate"])]
    largest = int(table["parameters"].to_numpy().argmax())
    line = table.iloc[largest]
    return (
        f"With {n} {units} and {m} events Riley's criteria support {', '.join(good) or 'none of these models'};"
        f" {_named(table, largest)} would need {int(line['needed'])} {units} and {int(line['needed_events'])} events"
        f" (expected calibration slope here {line['expected_shrinkage']:.2f})."
    )


def _named(table: pd.DataFrame, row: int) -> str:
    """Return ``clinical model (4 parameters)``."""
    name, k = str(table.index[row]), int(table["parameters"].iloc[row])
    return name if name.startswith(f"{k} parameter") else f"{name} ({k} parameter{'s' if k > 1 else ''})"


def _check_share(value: float, what: str) -> None:
    if not 0 < value < 1:
        raise UsageError(f"{what} must lie between 0 and 1", found=repr(value))
