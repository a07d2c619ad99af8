"""The AUC that the simulated score really has, read from a population too large to leave much to chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from lumier_analysis.errors import UsageError
from lumier_analysis.simulation.clinic import examine
from lumier_analysis.simulation.course import END_REASONS, Course, follow, levels_at, visit_rows
from lumier_analysis.simulation.expression import gene_index, interferon_score, sample_ct
from lumier_analysis.simulation.panel import INTERFERON_MODULES, MODULES, REFERENCE_GENES
from lumier_analysis.simulation.population import draw_levels, draw_patients

CAP_DAYS = 112
QUIESCENT = 4
#: Keeps the population's random numbers apart from those of a study with the same seed.
_STREAM = 0xA0C


@dataclass(frozen=True, slots=True)
class TrueAuc:
    """AUC of the measured interferon score for a flare by the next visit; `se` is its Monte-Carlo standard error."""

    value: float
    se: float
    n_patients: int
    n_landmarks: int
    n_events: int


def landmark_events(course: Course, patient: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Judge landmarks by the rule of the primary analysis.

    Parameters
    ----------
    course : Course
    patient, day : ndarray, shape (n_landmarks,)
        Quiescent planned visits, in days since inclusion.

    Returns
    -------
    usable : ndarray of bool
        False after a first flare, and where the window was not fully observed without flare or death or pregnancy.
    event : ndarray of bool
        A first flare after the landmark, by the next attended planned visit (included), at most 112 days on.
    """
    onset, detection = course.onset[patient, 0], course.detection[patient, 0]
    known = np.where(course.documented[patient, 0], onset, detection)
    later = np.where(
        course.attended[patient] & (course.days[patient] > day[:, None]), course.days[patient], np.inf
    ).min(axis=1)
    end = np.minimum(later, day + CAP_DAYS)
    event = (known > day) & (known <= end)
    competing = np.isin(course.end_reason[patient], [END_REASONS.index("pregnancy"), END_REASONS.index("death")])
    unknown_window = np.isfinite(known) & ~course.documented[patient, 0] & (known > end) & (later > day + CAP_DAYS)
    observed = (course.end_day[patient] >= end) | competing
    return (known > day) & (event | (observed & ~unknown_window)), event


def clustered_auc(event: np.ndarray, score: np.ndarray, patient: np.ndarray) -> tuple[float, float]:
    """Return the AUC over landmarks and its standard error with the patient as cluster.

    Parameters
    ----------
    event : ndarray of bool
    score : ndarray of float
        Higher = higher risk.
    patient : ndarray of int

    Returns
    -------
    tuple of float
        AUC and SE, from the placement values summed within patients (Obuchowski 1997, Biometrics 53:567).
    """
    m, n = int(event.sum()), int((~event).sum())
    if m < 2 or n < 2:
        raise UsageError("Too few flares for an AUC", found=f"{m} events, {n} non-events", fix="simulate more patients")
    rank = rankdata(score)
    placement = np.empty(len(score))
    placement[event] = (rank[event] - rankdata(score[event])) / n
    placement[~event] = 1 - (rank[~event] - rankdata(score[~event])) / m
    area = placement[event].mean()
    share = (placement - area) / np.where(event, m, n)
    return float(area), float(np.sqrt((np.bincount(patient, share) ** 2).sum()))


def true_auc(n_patients: int = 20_000, seed: int = 20160911) -> TrueAuc:
    """Estimate the AUC of the measured interferon module score under the primary landmark rule.

    Parameters
    ----------
    n_patients : int
        Size of the population; 20,000 give a standard error near 0.004.
    seed : int

    Returns
    -------
    TrueAuc

    Raises
    ------
    UsageError
        The population is too small to hold flares.
    """
    if n_patients < 200:
        raise UsageError("The population for the true AUC needs at least 200 patients", found=str(n_patients))
    rng = np.random.default_rng([seed, _STREAM])
    # Many centres, so that the answer does not hang on six draws of the centre effect.
    patients = draw_patients(n_patients, max(6, n_patients // 50), rng)
    levels = draw_levels(patients, rng)
    course = follow(patients, levels, rng)
    rows = visit_rows(course, rng)
    findings, _ = examine(patients, course, rows, rng)
    quiet = (rows.visit < 4) & rows.sampled & (findings.sledai <= QUIESCENT) & ~findings.clinical_flare
    usable, event = landmark_events(course, rows.patient[quiet], rows.day[quiet].astype(float))
    keep = np.flatnonzero(quiet)[usable]
    genes = gene_index((*REFERENCE_GENES, *(g for m in INTERFERON_MODULES for g in MODULES[m])))
    z = levels_at(rows, levels, course.severe, rng)[keep]
    ct = sample_ct(z, rows.patient[keep], rng, genes)
    score = interferon_score(ct, genes, reference=rows.visit[keep] == 0)
    value, se = clustered_auc(event[usable], score, rows.patient[keep])
    return TrueAuc(value, se, n_patients, len(keep), int(event[usable].sum()))
