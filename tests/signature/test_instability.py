from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.signature.instability import instability_bands, prediction_instability
from lumier_analysis.signature.patient_bootstrap import patient_bootstrap


@pytest.fixture(scope="module")
def fits(cohort):
    return patient_bootstrap(cohort.features[["a1", "b1"]], cohort.event, cohort.patients, n_boot=40, seed=1)


def test_mape_is_its_definition(fits, cohort):
    result = prediction_instability(fits)
    risks = expit(fits.replicates)
    np.testing.assert_allclose(result.rows["mape"], np.abs(risks - expit(fits.apparent)).mean(axis=0))
    assert result.mape == pytest.approx(np.abs(risks - expit(fits.apparent)).mean())
    assert result.rows.index.equals(cohort.features.index) and result.n_models == 40
    assert (result.rows["low"] <= result.rows["high"]).all()
    assert f"{100 * result.mape:.1f} percentage points" in result.sentence


def test_a_model_on_fewer_patients_is_less_stable(fits, cohort):
    few = cohort.patients < "P30"
    small = patient_bootstrap(
        cohort.features.loc[few, ["a1", "b1"]], cohort.event[few], cohort.patients[few], n_boot=40, seed=1
    )
    assert prediction_instability(small).mape > prediction_instability(fits).mape


def test_bands_pool_rows_and_respect_the_minimum(fits):
    bands = instability_bands(fits, n_bins=20, minimum=5)
    assert len(bands) == 20 and bands["rows"].sum() == 240 and bands["rows"].min() >= 5
    assert bands["risk"].is_monotonic_increasing
    quantiles = bands[["q2", "q25", "q50", "q75", "q97"]].to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert np.average(bands["mape"], weights=bands["rows"]) == pytest.approx(prediction_instability(fits).mape)
    assert len(instability_bands(fits, minimum=100)) == 2
    with pytest.raises(UsageError):
        instability_bands(fits, n_bins=0)


def test_void_samples_are_counted_and_nothing_is_refused(fits):
    holes = fits.replicates.copy()
    holes[:3] = np.nan
    assert prediction_instability(replace(fits, replicates=holes)).note == "3 of 40 bootstrap samples gave no model"
    with pytest.raises(AnalysisError, match="no bootstrap sample"):
        prediction_instability(replace(fits, replicates=np.full_like(holes, np.nan)))
