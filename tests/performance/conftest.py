from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest


class Visits(NamedTuple):
    event: np.ndarray
    score: np.ndarray
    patient: np.ndarray


def make_visits(rng, n_patients=60, spread=1.0, effect=1.0, base=-1.5, visits=4):
    """A patient has up to `visits` visits, a lasting level and at most one event, her last row."""
    event, score, patient = [], [], []
    for i in range(n_patients):
        level = spread * rng.standard_normal()
        for _ in range(rng.integers(1, visits + 1)):
            s = level + rng.standard_normal()
            y = rng.random() < 1 / (1 + np.exp(-(base + effect * s)))
            event.append(y), score.append(s), patient.append(f"P{i:03d}")
            if y:
                break
    return Visits(np.array(event), np.array(score), np.array(patient))


@pytest.fixture
def visits():
    return make_visits(np.random.default_rng(11))
