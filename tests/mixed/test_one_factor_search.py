"""The compiled search against the one it stands for: `optimise.newton` on the kernels for any number of effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed import one_factor_search, optimise
from lumier_analysis.mixed.fit_lmm import arrange
from lumier_analysis.mixed.grouped import OneFactor
from lumier_analysis.mixed.lmm_problem import Problem
from lumier_analysis.mixed.optimise import MOST_STEPS, newton, search
from tests.mixed.lmm_problems import one_factor


def reference(problem: Problem) -> Problem:
    """Return the same problem on the kernels of `one_factor`."""
    without, blocks = problem.arrays.blocks, problem.blocks
    assert isinstance(without, OneFactor) and isinstance(blocks, OneFactor)
    arrays = replace(problem.arrays, blocks=replace(without, rows=None))
    return replace(problem, arrays=arrays, blocks=replace(blocks, rows=None))


def drawn(rng: np.random.Generator) -> Problem:
    """Return a small unbalanced problem of one or two effects, often singular, now and then with two maxima."""
    codes = np.repeat(np.arange(g := int(rng.integers(3, 30))), rng.integers(1, 7, g))
    time = rng.uniform(0, 3, codes.size)
    x = np.column_stack([np.ones(codes.size), time])
    effects = rng.standard_normal((g, 2)) * rng.choice([0, 0.1, 0.5, 2, 30], 2)
    effects[:, 1] += rng.choice([-1, 0, 1]) * effects[:, 0]
    z = x[:, : rng.integers(1, 3)].copy()
    errors = rng.standard_normal(codes.size) if rng.random() < 0.5 else rng.standard_t(1.5, codes.size)
    y = (z * effects[codes, : z.shape[1]]).sum(axis=1) + errors
    return arrange(x, z, codes, correlated=bool(rng.integers(2))).problem(y, reml=bool(rng.integers(2)))


@pytest.mark.parametrize("effects", [1, 2])
@pytest.mark.parametrize("correlated", [True, False])
@pytest.mark.parametrize("reml", [True, False])
def test_deviance_and_derivatives_are_those_of_any_number_of_effects(
    effects: int, correlated: bool, reml: bool
) -> None:
    """Groups of one row have a singular Z'Z."""
    y, x, z, codes = one_factor()
    problem = arrange(x, z[:, :effects], codes, correlated=correlated).problem(y, reml=reml)
    k = problem.arrays.structure.on_diagonal.size
    for theta in (np.array([0.8, -0.3, 0.5])[:k], np.array([1e-6, 2.0, 0.0])[:k], np.array([300.0, -100.0, 200.0])[:k]):
        got, expected = problem.parts_inner(theta), reference(problem).parts_inner(theta)
        for name in got.__slots__:
            size = np.abs(np.asarray(getattr(expected, name))).max()
            np.testing.assert_allclose(
                getattr(got, name),
                getattr(expected, name),
                rtol=1e-8,
                atol=1e-9 * size + 1e-13,
                err_msg=f"{name} at {theta}",
            )


@pytest.mark.parametrize("effects", [1, 2])
@pytest.mark.parametrize("correlated", [True, False])
def test_information_is_that_of_any_number_of_effects(effects: int, correlated: bool) -> None:
    y, x, z, codes = one_factor()
    problem = arrange(x, z[:, :effects], codes, correlated=correlated).problem(y)
    for got, expected in zip(problem.arrays._information, reference(problem).arrays._information, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-10)


def test_large_random_effects_lose_no_digits() -> None:
    """Twice the relative standard deviation adds 2 log 2 for every group and effect, less that of X'V^-1X."""
    rng = np.random.default_rng(3)
    codes, time = np.repeat(np.arange(20), 4), np.tile(np.arange(4.0), 20)
    x = np.column_stack([np.ones(80), time])
    problem = arrange(x, x, codes).problem(rng.standard_normal(80))
    unit = np.array([1.0, 0.0, 1.0])
    low, high = problem.parts_inner(1e9 * unit), problem.parts_inner(2e9 * unit)
    assert high.deviance - low.deviance == pytest.approx((20 - 1) * 2 * 2 * np.log(2), abs=1e-7)
    assert high.r2 == pytest.approx(low.r2, rel=1e-12)


def test_every_start_ends_where_newton_does() -> None:
    rng = np.random.default_rng(4)
    for _ in range(60):
        problem = drawn(rng)
        shape = problem.arrays.structure
        descend = problem.blocks.descent(shape, float(problem.nu), problem.reml)  # type: ignore[attr-defined]
        start = rng.standard_normal(shape.on_diagonal.size) * np.exp(rng.normal(-0.5, 1.5))
        got, expected = descend(start, None), newton(reference(problem).derivatives, start)
        assert got.converged == expected.converged
        assert got.value == pytest.approx(expected.value, abs=1e-6)
        assert abs(got.evaluations - expected.evaluations) <= 3


def test_the_joined_search_misses_no_optimum() -> None:
    """Two starts, where no few rows ask for more: ends, and whether several maxima are told, are the reference's."""
    rng = np.random.default_rng(5)
    joined = several = 0
    for _ in range(250):
        problem = drawn(rng)
        shape = problem.arrays.structure
        try:
            problem._check()
        except AnalysisError:
            continue
        descend = problem.blocks.descent(shape, float(problem.nu), problem.reml)  # type: ignore[attr-defined]
        got = search(problem.derivatives, shape.on_diagonal, descend=descend)
        expected = search(reference(problem).derivatives, shape.on_diagonal)
        assert got.value == pytest.approx(expected.value, abs=1e-7)
        assert got.converged == expected.converged and got.starts == expected.starts
        assert got.spread == pytest.approx(expected.spread, abs=1e-6)
        joined += got.evaluations < expected.evaluations
        several += got.spread > 0
    assert joined > 50 and several > 0


def test_a_search_joins_a_known_optimum_in_its_mirror_image_only_near_it() -> None:
    y, x, z, codes = one_factor(3, 40)
    problem = arrange(x, z, codes).problem(y)
    shape = problem.arrays.structure
    descend = problem.blocks.descent(shape, float(problem.nu), True)  # type: ignore[attr-defined]
    known = descend(shape.on_diagonal.astype(float), None)
    for mirror in ([1, 1, 1], [-1, -1, 1], [1, 1, -1], [-1, -1, -1]):
        near = descend(np.array(mirror) * (known.theta + 0.01), known)
        assert near.evaluations == 1 and near.value == known.value
    assert descend(known.theta * [1, -1, 1], known).evaluations > 1
    wrong = replace(known, theta=known.theta + 0.2)
    assert descend(known.theta + 0.01, wrong).evaluations > 1


def test_no_minimum_is_not_called_converged() -> None:
    y, x, z, codes = one_factor()
    problem = arrange(x, z, codes).problem(y)
    descend = problem.blocks.descent(problem.arrays.structure, float(problem.nu), True)  # type: ignore[attr-defined]
    end = descend(np.array([np.nan, 0.0, 1.0]), None)
    assert not end.converged and end.evaluations < MOST_STEPS


@pytest.mark.parametrize("name", ["_POLISH", "_DONE", "_FLAT"])
def test_thresholds_are_those_of_the_reference(name: str) -> None:
    assert getattr(one_factor_search, name) == getattr(optimise, name)
