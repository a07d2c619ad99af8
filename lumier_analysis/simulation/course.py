"""What the study sees of a patient: visits that drift and are missed, drop-out, and flares as they come to notice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumier_analysis.simulation.population import DAYS_PER_YEAR, Levels, Patients, daily_hazard, next_flare

#: Visit codes; rows of a course index into them.
VISITS: tuple[str, ...] = ("M0", "M3", "M6", "M9", "M12", "flare", "post_flare")
FLARE, POST_FLARE = 5, 6
END_REASONS: tuple[str, ...] = ("completed", "lost", "withdrawn", "pregnancy", "death")

_DRIFT_SD, _DRIFT_MAX = 9.0, 25.0
_MISSED = 0.03
_DROPOUT_RATE = 0.083
_SAMPLE_MISSING = 0.03
_SEVERE = 0.26
_ONSET_DOCUMENTED = 0.85
#: Share of mild flares that the patient keeps to the next planned visit.
_WAITS = 0.25
#: A flare noticed this close to a planned visit is seen at that visit.
_NEAR_VISIT = 4
#: Days after a flare's detection before the next one can start.
_REFRACTORY = 60


@dataclass(frozen=True, slots=True)
class Course:
    """Follow-up of all patients; days since inclusion.

    Attributes
    ----------
    days, attended : ndarray, shape (n, 5)
        Planned visits M0 ... M12.
    end_day, end_reason : ndarray, shape (n,)
        Last day under observation; index into `END_REASONS`.
    onset, detection : ndarray, shape (n, 2)
        First and second flare; both infinite where none was recorded.
    documented, severe, at_visit : ndarray of bool, shape (n, 2)
        Whether the onset is written down; severity; whether the flare was found at a planned visit.
    post_day : ndarray, shape (n, 2)
        Visit one month after the flare; infinite where it did not take place.
    """

    days: np.ndarray
    attended: np.ndarray
    end_day: np.ndarray
    end_reason: np.ndarray
    onset: np.ndarray
    detection: np.ndarray
    documented: np.ndarray
    severe: np.ndarray
    at_visit: np.ndarray
    post_day: np.ndarray


@dataclass(frozen=True, slots=True)
class Rows:
    """Attended visits of all patients, ordered by patient and day; arrays of length n_rows.

    `visit` indexes `VISITS`; `slot` is the last planned time at or before the day; `flare` is 0 or 1 where that flare
    was found at this visit, else -1; `last` is the last flare found by then (-1: none), `since` the days from its
    detection (infinite: none); `sampled` tells whether a tube was drawn.
    """

    patient: np.ndarray
    visit: np.ndarray
    day: np.ndarray
    slot: np.ndarray
    flare: np.ndarray
    last: np.ndarray
    since: np.ndarray
    sampled: np.ndarray

    def __len__(self) -> int:
        return len(self.patient)


def _next_attended(days: np.ndarray, attended: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return the first attended planned day at or after `day`, infinite if none."""
    return np.where(attended & (days >= day[:, None]), days, np.inf).min(axis=1)


def follow(patients: Patients, levels: Levels, rng: np.random.Generator) -> Course:
    """Let the patients go through the study year.

    Parameters
    ----------
    patients, levels : Patients, Levels
    rng : numpy Generator

    Returns
    -------
    Course
    """
    n = len(patients)
    drift = np.clip(np.round(rng.normal(0.0, _DRIFT_SD, (n, 5))), -_DRIFT_MAX, _DRIFT_MAX)
    days = np.array([0.0, 91.0, 182.0, 273.0, 365.0]) + drift
    days[:, 0] = 0.0
    leaves = np.ceil(rng.exponential(DAYS_PER_YEAR / _DROPOUT_RATE, n)) + 14
    weight = np.where(patients.female, 1.0, 0.0)[:, None] * np.array([0, 0, 0, 0.15, 0]) + np.array(
        [0, 0.45, 0.35, 0, 0.05]
    )
    share = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
    reason = np.where(leaves < days[:, 4], (share < rng.random(n)[:, None]).sum(axis=1), 0)
    end = np.where(reason > 0, leaves, days[:, 4])
    attended = (rng.random((n, 5)) >= _MISSED) & (days <= end[:, None])
    attended[:, 0] = True

    hazard = daily_hazard(patients, levels)
    onset, detection, post = np.full((n, 2), np.inf), np.full((n, 2), np.inf), np.full((n, 2), np.inf)
    at_visit = np.zeros((n, 2), bool)
    severe = rng.random((n, 2)) < _SEVERE
    start = np.zeros(n)
    for k in range(2):
        day = next_flare(hazard, days, start, rng)
        planned = _next_attended(days, attended, day)
        noticed = day + rng.integers(1, 11, n)
        waits = (rng.random(n) < _WAITS) & ~severe[:, k] & np.isfinite(planned)
        seen_at_visit = waits | (noticed >= planned - _NEAR_VISIT)
        found = np.where(seen_at_visit, planned, noticed)
        # A flare that begins before the patient leaves but would be found after is never recorded.
        recorded = np.isfinite(day) & (found <= end)
        onset[recorded, k], detection[recorded, k] = day[recorded], found[recorded]
        at_visit[:, k] = seen_at_visit & recorded
        later = found + np.clip(np.round(rng.normal(30.0, 4.0, n)), 20, 42)
        later = later + (attended & (days == later[:, None])).any(axis=1)
        comes = recorded & (rng.random(n) < 0.94) & ((reason == 0) | (later <= end))
        post[comes, k] = later[comes]
        end = np.where(comes & (reason == 0), np.maximum(end, later), end)
        start = np.where(recorded, found + _REFRACTORY, np.inf)
    documented = rng.random((n, 2)) < _ONSET_DOCUMENTED
    return Course(days, attended, end, reason, onset, detection, documented, severe, at_visit, post)


def visit_rows(course: Course, rng: np.random.Generator) -> Rows:
    """List the attended visits: planned, at a flare that was not found at a planned one, and one month after."""
    parts = [(np.flatnonzero(course.attended[:, k]), k, course.days[:, k]) for k in range(5)]
    for k in range(2):
        unplanned = np.isfinite(course.detection[:, k]) & ~course.at_visit[:, k]
        parts.append((np.flatnonzero(unplanned), FLARE, course.detection[:, k]))
        parts.append((np.flatnonzero(np.isfinite(course.post_day[:, k])), POST_FLARE, course.post_day[:, k]))
    p = np.concatenate([who for who, _, _ in parts])
    v = np.concatenate([np.full(len(who), visit) for who, visit, _ in parts])
    d = np.concatenate([day[who] for who, _, day in parts])
    order = np.lexsort((v, d, p))
    p, v, d = p[order], v[order], d[order]

    slot = np.clip((course.days[p] <= d[:, None]).sum(axis=1) - 1, 0, 4)
    detection = course.detection[p]
    last = (detection <= d[:, None]).sum(axis=1) - 1
    since = np.where(last >= 0, d - detection[np.arange(len(p)), np.maximum(last, 0)], np.inf)
    flare = np.where((since == 0) & (v != POST_FLARE), last, -1)
    sampled = rng.random(len(p)) >= _SAMPLE_MISSING
    return Rows(p, v, d.astype(int), slot, flare, last, since, sampled)


def levels_at(rows: Rows, levels: Levels, severe: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the module levels at each visit, shape (n_rows, n_modules), with what a flare and treatment do to them.

    Between planned times the patient's momentary part is 0.6 of the last planned one plus new noise (variance kept).
    At a flare interferon, neutrophil and plasma-cell modules rise; a month later prednisone has lowered interferon
    and lymphocytes and raised the steroid-induced M4.2. The effects fade over the following months.
    """
    momentary = levels.visit[rows.patient, rows.slot]
    spread = levels.visit.std(axis=(0, 1))
    new = rng.standard_normal(momentary.shape) * spread
    between = (rows.visit >= FLARE)[:, None]
    z = levels.patient[rows.patient] + np.where(between, 0.6 * momentary + 0.8 * new, momentary)

    hit = np.where(severe[rows.patient, np.maximum(rows.last, 0)], 1.3, 0.9)
    at_flare = np.where(rows.flare >= 0, hit, 0.0)
    after = np.where(
        (rows.since > 0) & np.isfinite(rows.since), np.exp(-np.maximum(rows.since - 30.0, 0.0) / 60.0) * hit, 0.0
    )
    after = np.where(np.isfinite(rows.since), after, 0.0)
    return z + at_flare[:, None] * FLARE_EFFECT + after[:, None] * POST_EFFECT


#: Change at the flare and one month later, in SD; order of the modules: M1.2, M3.4, M5.12, M5.15, M4.11, M2.3, M4.2,
#: M4.1, M4.10, M3.6, M1.1.
FLARE_EFFECT = np.array([0.30, 0.35, 0.30, 0.45, 0.60, 0.05, 0.15, -0.25, 0.0, -0.10, 0.0])
POST_EFFECT = np.array([-0.15, -0.20, -0.20, 0.25, -0.10, 0.0, 0.60, -0.30, -0.15, -0.20, 0.05])
