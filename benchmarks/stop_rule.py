"""Data sets on which paths that are left early are compared with full ones; run by `derivation_evidence.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np

from lumier_analysis.signature import cross_validation
from lumier_analysis.signature.cross_validation import Folds, cross_validate
from lumier_analysis.signature.elastic_net import lambda_grid
from lumier_analysis.signature.folds import grouped_folds
from lumier_analysis.signature.nested import LEAST_EVENT_PATIENTS
from lumier_analysis.signature.preparation import learn_preparation
from lumier_analysis.signature.tuning import choose_penalty
from lumier_analysis.simulation.cohort import Cohort, Population

SEED = 20160911
# The margin of the look at the tail was doubled after one other choice in the 3,300 data sets of draw 3.
DRAW = 4


def two_minima(n: int, p: int, spread: float, rng: np.random.Generator) -> Cohort:
    """A weak predictor, and a strong one hidden in the difference of two columns: the deviance may fall twice."""
    x = rng.standard_normal((n, p))
    d, z = rng.standard_normal((2, n))
    x[:, 0], x[:, 1] = z + spread * d, z - spread * d
    risk = -1 + 0.8 * x[:, 2] + 2.5 * d
    return Cohort(x, rng.random(n) < 1 / (1 + np.exp(-risk)), np.arange(n), risk)


def by_population(n_patients: int, **changes: Any) -> Callable[[np.random.Generator], Cohort]:
    return lambda rng: Population(**changes).draw(n_patients, rng)


DESIGNS: dict[str, Callable[[np.random.Generator], Cohort]] = {
    "noise": by_population(75, genes=60, rate=0.12),
    "weak signal": by_population(75, genes=60, rate=0.12, effect=0.3),
    "strong signal": by_population(75, genes=60, rate=0.2, effect=1.0),
    "near separation": by_population(75, genes=60, rate=0.3, effect=4.0, frailty=0.0),
    "few event patients": by_population(75, genes=60, rate=0.04, effect=0.3),
    "more genes than rows": by_population(30, genes=150, visits=2, rate=0.3, effect=0.5),
    "one module": by_population(75, genes=60, modules=1, loading=0.95, rate=0.15, effect=0.3),
    "two minima, spread 0.3": lambda rng: two_minima(200, 60, 0.3, rng),
    "two minima, spread 0.1": lambda rng: two_minima(200, 60, 0.1, rng),
    "two minima, spread 0.05": lambda rng: two_minima(200, 60, 0.05, rng),
    "two minima, spread 0.03": lambda rng: two_minima(200, 60, 0.03, rng),
}
ALPHAS = (0.2, 0.5, 1.0)
RULES = ("minimum", "one_standard_error")


class Watched(Folds):
    """Counts what the look at the tail says; without it, the rise alone decides."""

    overruled, blind = 0, False

    def tail_is_higher(self, than: float) -> tuple[bool, int]:
        if Watched.blind:
            return True, 0
        higher, lowest = super().tail_is_higher(than)
        Watched.overruled += not higher
        return higher, lowest


def stop_run(design: str, run: int) -> dict[str, Any]:
    """Compare the choices of one data set: full paths, paths left early, and by the rise alone."""
    number = list(DESIGNS).index(design)
    rng = np.random.default_rng((SEED, DRAW, number, run))
    c = DESIGNS[design](rng)
    # Fewer event patients than `nested_cv` asks for: drawn again.
    while np.unique(c.patient[c.event]).size < LEAST_EVENT_PATIENTS:
        c = DESIGNS[design](rng)
    z = learn_preparation(c.x).apply(c.x)
    ratio = 1e-4 if z.shape[0] > z.shape[1] else 0.01
    grids = np.stack([lambda_grid(z, c.event, a, 100, ratio) for a in ALPHAS])
    n_folds = min(5, np.unique(c.patient[c.event]).size)
    fold = grouped_folds(c.patient, c.event, n_folds, (run,))
    Watched.overruled = 0
    tables = {}
    with patch.object(cross_validation, "Folds", Watched):
        for how in ("full", "early", "rise alone"):
            Watched.blind = how == "rise alone"
            tables[how] = cross_validate(c.x, c.event, fold, ALPHAS, grids, None, full=how == "full")
    line: dict[str, Any] = {
        "design": design,
        "paths": len(ALPHAS),
        "left early": int(np.isnan(tables["early"].mean[:, -1]).sum()),
        "penalties walked, %": 100 * float(np.isfinite(tables["early"].mean).mean()),
        "overruled by the look at the tail": Watched.overruled,
    }
    for rule in RULES:
        right = choose_penalty(tables["full"].mean, tables["full"].se, rule)
        for how in ("early", "rise alone"):
            line[f"{how}: other choice, {rule}"] = choose_penalty(tables[how].mean, tables[how].se, rule) != right
    # Each alpha as if it stood alone, against the least of its own full path.
    walked = np.isfinite(tables["early"].mean)
    line["early: least of a path missed"] = int((~walked[range(len(ALPHAS)), tables["full"].mean.argmin(axis=1)]).sum())
    return line
