from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.performance.arrays import Floats
from lumier_analysis.qpcr import FrozenMeasurement
from lumier_analysis.signature import CalibrationMap, LockContext
from lumier_analysis.signature.calibrate import fit_calibration
from lumier_analysis.signature.signature_fields import signature_schema
from lumier_analysis.study import project_root
from lumier_analysis.study.io import json_text, write_json

MODULES = {"A": ["a1", "a2", "a3", "a4"], "B": ["b1", "b2", "b3"], "C": ["c1", "c2"]}
GENES = [g for members in MODULES.values() for g in members]


class Cohort(NamedTuple):
    features: pd.DataFrame
    event: np.ndarray
    patients: np.ndarray


def make_cohort(seed=0, n_patients=80, effect=1.2, visits=3) -> Cohort:
    """log2 expression of nine genes; module A is lasting, correlated and carries the risk."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n_patients), visits)
    level = rng.standard_normal(n_patients)[patient] + 0.5 * rng.standard_normal(patient.size)
    x: Floats = rng.standard_normal((patient.size, len(GENES)))
    x[:, :4] = 0.8 * level[:, None] + 0.6 * x[:, :4]
    event = rng.random(patient.size) < 1 / (1 + np.exp(2.0 - effect * level))
    index = pd.Index([f"S{i:03d}" for i in range(patient.size)], name="sample_id")
    features = pd.DataFrame(5 + 1.5 * x, index=index, columns=GENES)
    return Cohort(features, event, np.array([f"P{i:02d}" for i in patient]))


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    return make_cohort()


@pytest.fixture(scope="session")
def calibration_map(cohort) -> CalibrationMap:
    return fit_calibration(cohort.event, (cohort.features["a1"] - 5) / 1.5, cluster=cohort.patients)


@pytest.fixture
def context(cohort, calibration_map) -> LockContext:
    return LockContext(
        modules=MODULES,
        scores={"ab": ["A", "B"], "c": ["C"]},
        reference_genes=["r1", "r2"],
        mean=cohort.features.mean(),
        sd=cohort.features.std(),
        scaling_reference="quiescent_first_visit",
        calibration=calibration_map,
        threshold=0.25,
        plan_hash="p" * 64,
        data_hash="d" * 64,
        measurement=FrozenMeasurement(
            limit_of_detection=25.0,
            reference_levels=pd.Series({"r1": 12.0, "r2": 14.0}),
            calibrator="IPC",
            calibrator_levels=pd.Series(dict.fromkeys([*GENES, "r1", "r2"], 15.0)),
        ),
    )


@pytest.fixture
def schema_path() -> Path:
    """The published schema, which must be the one the code makes; LUMIER_WRITE_SCHEMA=1 writes it anew."""
    path = project_root() / "docs" / "locked_signature.schema.json"
    if os.environ.get("LUMIER_WRITE_SCHEMA"):
        write_json(path, signature_schema())
    assert path.read_text(encoding="utf-8") == json_text(signature_schema()), "docs/locked_signature.schema.json is old"
    return path
