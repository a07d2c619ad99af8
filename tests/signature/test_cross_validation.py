from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature.cross_validation import (
    RISING,
    Folds,
    cross_validate,
    deviance,
    halvings,
    may_stop,
    weighted_mean_se,
)
from lumier_analysis.signature.elastic_net import lambda_grid
from lumier_analysis.signature.folds import grouped_folds
from lumier_analysis.signature.preparation import learn_preparation
from lumier_analysis.signature.tuning import choose_penalty
from lumier_analysis.simulation.cohort import Population

REFERENCE = Path(__file__).parents[1] / "reference" / "glmnet"
ALPHAS = (0.2, 0.5, 1.0)


def tables(x, event, patient, *, full, alphas=ALPHAS, n_folds=5, ratio=1e-3):
    z = learn_preparation(x).apply(x)
    grids = np.stack([lambda_grid(z, event, a, 60, ratio) for a in alphas])
    fold = grouped_folds(patient, event, n_folds, 3)
    return cross_validate(x, event, fold, alphas, grids, None, full=full)


def two_minima(seed, n=200, p=60, spread=0.1):
    """A weak plain predictor, and a strong one in the small difference of two columns: found at small penalties."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, p))
    d, z = rng.standard_normal((2, n))
    x[:, 0], x[:, 1] = z + spread * d, z - spread * d
    event = rng.random(n) < 1 / (1 + np.exp(1 - 0.8 * x[:, 2] - 2.5 * d))
    return x, event, np.arange(n)


@pytest.mark.parametrize("name", ["plain", "wide", "rare"])
def test_deviance_and_choice_are_those_of_cv_glmnet(name):
    frame = pd.read_csv(REFERENCE / f"{name}.csv")
    stored = pd.read_csv(REFERENCE / "deviances.csv").query("data == @name")
    event, x = frame["event"].to_numpy() == 1, frame.drop(columns=["event", "fold"]).to_numpy()
    grids = np.stack([stored.loc[stored["alpha"] == a, "lambda"] for a in ALPHAS])
    full = cross_validate(x, event, frame["fold"].to_numpy() - 1, ALPHAS, grids, None, full=True)
    theirs = {column: stored[column].to_numpy().reshape(grids.shape) for column in ("mean", "se", "minimum", "one_se")}
    # Both stop at their own tolerance; the deviance is flat in it.
    np.testing.assert_allclose(full.mean, theirs["mean"], rtol=1e-5)
    np.testing.assert_allclose(full.se, theirs["se"], rtol=1e-4)
    early = cross_validate(x, event, frame["fold"].to_numpy() - 1, ALPHAS, grids, None, full=False)
    for i in range(len(ALPHAS)):
        for rule, column in (("minimum", "minimum"), ("one_standard_error", "one_se")):
            for table in (full, early):
                _, at = choose_penalty(table.mean[[i]], table.se[[i]], rule)
                assert theirs[column][i, at] == 1


@pytest.mark.parametrize("effect", [0.0, 0.4, 1.5])
@pytest.mark.parametrize("seed", [1, 2])
def test_leaving_a_path_early_changes_no_number_of_the_part_walked(effect, seed):
    population = Population(genes=40, modules=4, effect=effect, rate=0.15)
    c = population.draw(60, np.random.default_rng(seed))
    full, early = (tables(c.x, c.event, c.patient, full=f) for f in (True, False))
    walked = ~np.isnan(early.mean)
    assert not np.isnan(full.mean).any() and walked[:, 0].all() and not walked.all()
    np.testing.assert_array_equal(early.mean[walked], full.mean[walked])
    np.testing.assert_array_equal(early.se[walked], full.se[walked])
    np.testing.assert_array_equal(early.predictor[walked], full.predictor[walked])
    for rule in ("minimum", "one_standard_error"):
        assert choose_penalty(early.mean, early.se, rule) == choose_penalty(full.mean, full.se, rule)


def test_of_two_minima_the_second_is_found_though_the_deviance_rises_between(monkeypatch):
    seeds, alphas = range(12), (1.0,)
    full = [choose(tables(*two_minima(s), full=True, alphas=alphas)) for s in seeds]
    early = [choose(tables(*two_minima(s), full=False, alphas=alphas)) for s in seeds]
    assert early == full
    # The rise alone would have deceived: what keeps the choice right is the look at the tail.
    monkeypatch.setattr(Folds, "tail_is_higher", lambda self, than: (True, 0))
    rise_alone = [choose(tables(*two_minima(s), full=False, alphas=alphas)) for s in seeds]
    assert sum(a != b for a, b in zip(rise_alone, full, strict=True)) >= 2


def test_a_second_minimum_within_a_halving_is_found_where_its_flanks_are_hardly_higher(monkeypatch):
    """The deviance rises from 1.22 to 1.49, falls to 1.207, and is 1.28 and 1.27 at the penalties looked at."""
    x, event, patient = two_minima((20160911, 3, 9, 272), spread=0.05)
    grids = np.stack([lambda_grid(learn_preparation(x).apply(x), event, a, 100, 1e-4) for a in ALPHAS])
    fold = grouped_folds(patient, event, 5, (272,))
    full, early = (cross_validate(x, event, fold, ALPHAS, grids, None, full=f) for f in (True, False))
    assert choose(early) == choose(full) == (2, 38)
    real = Folds.tail_is_higher
    asked = []

    def no_margin(self, than):
        asked.append(than)
        return real(self, 1.25)

    monkeypatch.setattr(Folds, "tail_is_higher", no_margin)
    assert choose(cross_validate(x, event, fold, ALPHAS, grids, None, full=False)) == (2, 12)
    # Asked for was twice the rise above the least, here of at least a standard error of 0.02.
    assert all(than >= np.nanmin(full.mean) + 2 * 0.02 for than in asked)


def choose(errors):
    return choose_penalty(errors.mean, errors.se, "minimum")


def test_a_tail_that_comes_back_down_is_walked_past_its_lowest_point(monkeypatch):
    c = Population(genes=40, modules=4, rate=0.15).draw(60, np.random.default_rng(1))
    asked, told = [], []
    real = Folds.tail_is_higher

    def once_lower(self, than):
        asked.append(self._walkers[0].reached)
        told.append((False, 47) if len(asked) == 1 else real(self, than))
        return told[-1]

    monkeypatch.setattr(Folds, "tail_is_higher", once_lower)
    early = tables(c.x, c.event, c.patient, full=False, alphas=(0.5,))
    assert asked[0] < 47 < asked[1]
    assert np.isfinite(early.mean[0, :48]).all()


def test_predictions_come_from_models_that_did_not_see_the_patient():
    c = Population(genes=12, modules=3, effect=0.6, rate=0.2).draw(40, np.random.default_rng(1))
    errors = tables(c.x, c.event, c.patient, full=True)
    fold = grouped_folds(c.patient, c.event, 5, 3)
    inside = fold == 2
    changed = c.event.copy()
    # Outcomes of one fold are turned round visit by visit: its own predictions cannot know.
    changed[inside] = changed[inside].reshape(-1, 4)[:, ::-1].ravel()
    assert (changed != c.event).any()
    grids = np.stack([lambda_grid(learn_preparation(c.x).apply(c.x), c.event, a, 60, 1e-3) for a in ALPHAS])
    other = cross_validate(c.x, changed, fold, ALPHAS, grids, None, full=True)
    np.testing.assert_array_equal(other.predictor[..., inside], errors.predictor[..., inside])
    assert (other.predictor[:, 10:, ~inside] != errors.predictor[:, 10:, ~inside]).any()


def test_a_fold_that_takes_all_events_is_refused():
    x, event = np.random.default_rng(0).standard_normal((30, 3)), np.arange(30) < 3
    fold = np.where(event, 0, np.arange(30) % 3)
    with pytest.raises(AnalysisError, match=r"inner fold 1 of 3 leaves training rows of one class.*0 events"):
        cross_validate(x, event, fold, (1.0,), np.array([[0.1, 0.05]]), None, full=True)


def test_deviance_is_bounded_for_one_confident_error():
    event = np.array([True, False])
    np.testing.assert_allclose(deviance(np.array([[0.0, 0.0]]), event), 2 * np.log(2))
    np.testing.assert_allclose(deviance(np.array([[-900.0, -900.0]]), event), -np.log(1e-5) - np.log(1 - 1e-5))


def test_standard_error_is_over_folds():
    values = np.array([[1.0, 2.0], [3.0, 2.0], [5.0, 2.0]])
    mean, se = weighted_mean_se(values, np.full(3, 1 / 3))
    np.testing.assert_allclose(mean, [3, 2])
    np.testing.assert_allclose(se, [values[:, 0].std(ddof=1) / np.sqrt(3), 0], atol=1e-15)


def test_a_path_is_left_only_after_a_long_rise_well_above_the_least():
    rise = np.linspace(1.0, 1.6, RISING + 1)
    assert may_stop(rise, 1.0, 0.5)
    assert not may_stop(rise, 1.0, 0.7)
    assert not may_stop(rise[1:], 1.0, 0.1)
    assert not may_stop(np.append(rise[:-1], rise[-2]), 1.0, 0.1)


def test_the_tail_is_looked_at_at_every_halving_and_at_the_end():
    lambdas = np.geomspace(1, 1e-4, 100)
    at = halvings(lambdas, 20)
    ratios = lambdas[np.concatenate([[20], at])]
    assert at[-1] == 99 and len(at) == 11
    assert (ratios[1:-1] / ratios[:-2] > 0.5 / (lambdas[0] / lambdas[1])).all()
    assert halvings(lambdas, 98).tolist() == [99]
