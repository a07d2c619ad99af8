import numpy as np
import pytest
from scipy.optimize import minimize

from lumier_analysis.mixed.lmm import lmm
from lumier_analysis.mixed.profile_deviance import held_parameters


@pytest.fixture(scope="module")
def model(fitted_data):
    return lmm("score ~ month", fitted_data, groups="id", random="1 + month", reml=False)


@pytest.fixture(scope="module")
def held(model):
    least, found = held_parameters(model)
    return least, {p.name: p for p in found}


def _searched(objective):
    """Return the least value over the logarithms of the lengths of T's rows and the tangent of their correlation."""
    options = {"maxiter": 4000, "xatol": 1e-8, "fatol": 1e-10}
    return min(
        minimize(objective, start, method="Nelder-Mead", options=options).fun
        for start in ([0.0, -2.0, 0.0], [-1.0, -1.0, 0.5], [0.0, -2.0, -0.5])
    )


def _theta(a, b, r):
    return np.array([a, r * b, np.sqrt(1 - r**2) * b])


def _shift(model, least):
    """Return what the deviance of `held` lacks of -2 log-likelihood."""
    return -2 * model.log_likelihood - least


@pytest.mark.parametrize("r", [-0.9, -0.3, 0.0, 0.3, 0.9, 1.0])
def test_a_correlation_held_keeps_its_sign(model, held, r):
    least, parameters = held
    want = min(
        minimize(lambda u: model.fit.problem.deviance(_theta(*np.exp(u), r)), start, method="Nelder-Mead").fun
        for start in ([0.0, -2.0], [-1.0, -3.0])
    )
    got = parameters["cor Intercept, month | id"].deviance(r) + _shift(model, least)
    assert got == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize("part", [0.7, 1.3])
def test_standard_deviations_held(model, held, part):
    least, parameters = held
    problem, n = model.fit.problem, model.n_rows

    def free(u, place, value):
        """Return -2 log-likelihood; the residual standard deviation follows from the one that is held."""
        a, b = np.exp(u[:2])
        theta = _theta(a, b, np.tanh(u[2]))
        sigma = value if place is None else value / (a, b)[place]
        # -2 log-likelihood at sigma from that at the best one
        best = problem.parts(theta * problem.arrays.scales).r2 / n * problem.unit**2
        return problem.deviance(theta) + n * (np.log(sigma**2 / best) + best / sigma**2 - 1)

    for name, place in (("sd Intercept | id", 0), ("sd month | id", 1), ("sd residual", None)):
        value = part * parameters[name].estimate
        want = _searched(lambda u, place=place, value=value: free(u, place, value))
        assert parameters[name].deviance(value) + _shift(model, least) == pytest.approx(want, abs=1e-4)


def test_nothing_is_lost_at_the_estimates(held):
    least, parameters = held
    for p in parameters.values():
        assert p.deviance(p.estimate) == pytest.approx(least, abs=1e-6)


def test_the_only_coefficient_is_held_as_others_are(fitted_data):
    alone = held_parameters(lmm("score ~ 1", fitted_data, groups="id"))
    near = held_parameters(lmm("score ~ 1 + tiny", fitted_data.assign(tiny=np.tile([-1.0, 1], 78)[:155]), groups="id"))
    # A second coefficient that is held at nothing but its best changes the deviance a little, its shape hardly.
    for step in (-0.3, 0.4):
        rises = [found[-k].deviance(found[-k].estimate + step) - least for k, (least, found) in ((1, alone), (2, near))]
        assert rises[0] == pytest.approx(rises[1], rel=0.03)
