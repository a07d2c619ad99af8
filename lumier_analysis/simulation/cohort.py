"""A derivation cohort of expression and outcomes, drawn directly: for simulations of the derivation itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Cohort(NamedTuple):
    """Rows of a simulated cohort.

    Attributes
    ----------
    x : ndarray, shape (n, p)
        Expression, every gene with mean 0 and variance 1.
    event : ndarray of bool, shape (n,)
    patient : ndarray of int, shape (n,)
    risk : ndarray, shape (n,)
        True log odds, without the patient's own part that no gene shows.
    """

    x: Floats
    event: npt.NDArray[np.bool_]
    patient: npt.NDArray[np.intp]
    risk: Floats


class Population(NamedTuple):
    """How cohorts are drawn.

    Genes belong to modules, gene j to module j mod `modules`; a gene is its module's level times `loading` plus a part
    of its own, and of both a share `icc` stays with the patient over the visits. The log odds of an event at a visit
    are a constant plus `effect` times the sum of the first `signal` genes plus the patient's own frailty.

    Attributes
    ----------
    genes, modules, visits, signal : int
    loading, icc : float
    effect : float
        Log odds per SD of each signal gene; 0 = noise.
    frailty : float
        SD of the patient's own part of the log odds.
    rate : float
        Proportion of event visits, about.
    by_patient : bool
        The outcome belongs to the patient: drawn once, with the first visit's log odds, and carried by all visits.
    """

    genes: int = 96
    modules: int = 8
    visits: int = 4
    signal: int = 6
    loading: float = 0.7
    icc: float = 0.6
    effect: float = 0.0
    frailty: float = 0.5
    rate: float = 0.06
    by_patient: bool = False

    def draw(self, n_patients: int, rng: np.random.Generator) -> Cohort:
        """Draw the rows of so many patients, visit after visit."""
        patient = np.repeat(np.arange(n_patients), self.visits)

        def shared(columns: int) -> Floats:
            between = rng.standard_normal((n_patients, columns))[patient]
            within = rng.standard_normal((patient.size, columns))
            return np.sqrt(self.icc) * between + np.sqrt(1 - self.icc) * within

        level = shared(self.modules)[:, np.arange(self.genes) % self.modules]
        x = self.loading * level + np.sqrt(1 - self.loading**2) * shared(self.genes)
        risk = self.effect * x[:, : self.signal].sum(axis=1)
        eta = self._constant() + risk + self.frailty * rng.standard_normal(n_patients)[patient]
        draw = rng.random(patient.size) < 1 / (1 + np.exp(-eta))
        event = draw[patient * self.visits] if self.by_patient else draw
        return Cohort(x, event, patient, risk)

    def _constant(self) -> float:
        """Return the intercept that gives `rate` on average over the population."""
        module = np.arange(self.signal) % self.modules
        same = module[:, None] == module
        correlation = np.where(same, self.loading**2, 0.0) + (1 - self.loading**2) * np.eye(self.signal)
        sd = np.sqrt(self.effect**2 * correlation.sum() + self.frailty**2)
        nodes, weights = np.polynomial.hermite_e.hermegauss(41)
        weights = weights / weights.sum()
        low, high = -15.0, 15.0
        for _ in range(60):
            middle = (low + high) / 2
            too_high = weights @ (1 / (1 + np.exp(-(middle + sd * nodes)))) > self.rate
            low, high = (low, middle) if too_high else (middle, high)
        return (low + high) / 2
