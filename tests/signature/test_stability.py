from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.signature import stability
from lumier_analysis.signature.stability import first_selected, stability_selection


def test_genes_of_the_signal_are_stable_and_noise_is_not(cohort):
    result = stability_selection(*cohort, n_selected=3, n_pairs=15, threshold=0.6, seed=2)
    assert set(result.stable) <= {"a1", "a2", "a3", "a4"} and result.stable
    assert result.frequency.is_monotonic_decreasing
    # Exactly three a half, and so shares that add up to three.
    assert result.mean_selected == 3.0 and result.frequency.sum() == pytest.approx(3.0)
    assert f"{len(result.stable)} of 9 genes" in result.sentence and "(r-concave)." in result.sentence


def test_halves_are_complementary_and_hold_whole_patients(cohort, monkeypatch):
    seen = []

    def record(x, event, q, alpha):
        seen.append(x[:, 0])
        return np.arange(x.shape[1]) < q

    monkeypatch.setattr(stability, "first_selected", record)
    x = pd.DataFrame({g: pd.factorize(cohort.patients)[0].astype(float) for g in ("a", "b")})
    stability_selection(x, cohort.event, cohort.patients, n_selected=1, n_pairs=4)
    for one, other in zip(seen[::2], seen[1::2], strict=True):
        assert len(one) == len(other) == 120 and not set(one) & set(other)
        assert (np.unique(one, return_counts=True)[1] == 3).all()


def test_the_number_of_processes_does_not_matter(cohort, monkeypatch):
    monkeypatch.setattr("lumier_analysis.signature.parallel.START_SECONDS", 0.0)  # so that processes are started
    options = {"n_selected": 2, "n_pairs": 4, "seed": 9}
    one, two = (stability_selection(*cohort, n_jobs=n, **options) for n in (1, 2))
    pd.testing.assert_series_equal(one.frequency, two.frequency)


def test_the_bounds_hold_on_noise():
    """30 exchangeable noise genes, 25 studies: stable genes stay below every bound on average."""
    wrong, bounds = [], None
    for study in range(25):
        rng = np.random.default_rng((11, study))
        patients = np.repeat(np.arange(60), 2)
        x = 0.7 * rng.standard_normal((60, 30))[patients] + 0.7 * rng.standard_normal((120, 30))
        event = rng.random(120) < 0.2
        result = stability_selection(
            pd.DataFrame(x), event, patients, n_selected=4, n_pairs=20, threshold=0.6, seed=study
        )
        wrong.append(len(result.stable))
        bounds = result.bounds
    upper = np.mean(wrong) + 3 * np.std(wrong) / np.sqrt(25)
    assert upper < bounds.unimodal < bounds.meinshausen_buhlmann
    assert np.mean(wrong) <= bounds.r_concave + 3 * np.std(wrong) / np.sqrt(25)


def test_first_selected_takes_exactly_q_in_the_order_of_entry(cohort):
    x, event = cohort.features.to_numpy(), cohort.event
    sets = [set(np.flatnonzero(first_selected(x, event, q, 0.5))) for q in range(1, 10)]
    assert [len(s) for s in sets] == list(range(1, 10))
    for smaller, larger in itertools.pairwise(sets):
        assert smaller < larger
    y = event - event.mean()
    assert sets[0] == {int(np.abs((x - x.mean(axis=0)).T @ y / x.std(axis=0)).argmax())}
    assert not first_selected(x, np.arange(len(x)) == 0, 3, 0.5).any()


def test_progress_and_degradation(cohort):
    calls = []
    event = np.zeros(240, dtype=bool)
    event[[0, 3, 6, 9]] = True  # four patients with one event each: some halves have one or none
    result = stability_selection(
        cohort.features, event, cohort.patients, n_selected=2, n_pairs=10, progress=lambda *c: calls.append(c)
    )
    assert calls[-1] == (10, 10)
    assert "of 20 halves had too few events and selected nothing" in result.note
    assert result.sentence.endswith("selected nothing.") and result.mean_selected < 2
    assert "not proved" in replace(result, bounds=replace(result.bounds, unimodal=float("nan"))).sentence


def test_unusable_input_is_refused(cohort):
    with pytest.raises(UsageError, match="n_selected"):
        stability_selection(*cohort, n_selected=10)
    with pytest.raises(UsageError, match="threshold"):
        stability_selection(*cohort, n_selected=3, threshold=0.4)
    with pytest.raises(AnalysisError, match="1 event patients"):
        stability_selection(cohort.features, np.arange(240) == 5, cohort.patients, n_selected=3)
    with pytest.raises(AnalysisError, match="one finite row"):
        stability_selection(cohort.features.iloc[1:], cohort.event, cohort.patients, n_selected=3)
