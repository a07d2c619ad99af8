import numpy as np
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.mixed.visit_covariance import (
    STRUCTURES,
    check_structure,
    n_parameters,
    parameters_near,
    visit_covariance,
    visit_derivatives,
)

#: Central differences of step 1e-5.
DIFFERENCE = 1e-7


@pytest.fixture(params=STRUCTURES)
def structure(request):
    return request.param


def parameters(structure, m=4):
    rng = np.random.default_rng(5)
    return rng.uniform(-0.4, 0.6, n_parameters(structure, m))


def test_it_is_a_covariance_of_the_structure():
    expected = {
        "unstructured": 10, "compound symmetry": 2, "ar1": 2, "toeplitz": 4, "heterogeneous compound symmetry": 5,
        "heterogeneous ar1": 5, "heterogeneous toeplitz": 7,
    }  # fmt: skip
    assert {s: n_parameters(s, 4) for s in STRUCTURES} == expected
    for s in STRUCTURES:
        sigma = visit_covariance(s, parameters(s), 4)
        sd = np.sqrt(np.diag(sigma))
        r = sigma / np.outer(sd, sd)
        np.testing.assert_allclose(sigma, sigma.T)
        if s != "unstructured":
            assert np.allclose(sd, sd[0]) != s.startswith("heterogeneous")
            for h in (1, 2):
                np.testing.assert_allclose(np.diag(r, h), r[0, h])
        if s.endswith("ar1"):
            assert r[0, 3] == pytest.approx(r[0, 1] ** 3)
        if s.endswith("compound symmetry"):
            assert r[0, 3] == pytest.approx(r[0, 1])


def test_derivatives_are_those_of_differences(structure):
    theta, step = parameters(structure), 1e-5
    sigma, first, second = visit_derivatives(structure, theta, 4)
    np.testing.assert_allclose(sigma, visit_covariance(structure, theta, 4), rtol=1e-14)
    for i in range(len(theta)):
        move = step * np.eye(len(theta))[i]
        ahead, behind = (visit_derivatives(structure, theta + s * move, 4) for s in (1, -1))
        np.testing.assert_allclose(first[i], (ahead[0] - behind[0]) / (2 * step), atol=DIFFERENCE)
        np.testing.assert_allclose(second[i], (ahead[1] - behind[1]) / (2 * step), atol=DIFFERENCE)


def test_a_correlation_of_zero_has_derivatives():
    for s in ("ar1", "toeplitz"):
        sigma, first, _ = visit_derivatives(s, np.zeros(n_parameters(s, 4)), 4)
        np.testing.assert_allclose(sigma, np.eye(4))
        np.testing.assert_allclose(np.diag(first[1], 1), 1.0)


def test_compound_symmetry_reaches_all_its_correlations():
    low, high = (visit_covariance("compound symmetry", np.array([0.0, t]), 4)[0, 1] for t in (-30.0, 30.0))
    assert (low, high) == (pytest.approx(-1 / 3), pytest.approx(1))


def test_parameters_are_found_again(structure):
    sigma = visit_covariance(structure, parameters(structure) / 2, 4)
    np.testing.assert_allclose(visit_covariance(structure, parameters_near(structure, sigma), 4), sigma, rtol=1e-10)


def test_a_start_is_positive_definite_though_the_moments_are_not(structure):
    moments = np.array([[1, 0.95, -0.9, 0], [0.95, 4, 0.9, 0], [-0.9, 0.9, 1, 0.5], [0, 0, 0.5, 9]])
    assert np.linalg.eigvalsh(moments)[0] < 0
    start = visit_covariance(structure, parameters_near(structure, moments), 4)
    assert np.linalg.eigvalsh(start)[0] > 0.01


def test_names_are_read_in_any_spelling():
    assert check_structure("Heterogeneous_AR(1)") == "heterogeneous ar1"
    assert [check_structure(s) for s in ("us", "csh", "toep")] == [
        "unstructured", "heterogeneous compound symmetry", "toeplitz",
    ]  # fmt: skip
    with pytest.raises(UsageError, match=r"unknown covariance.*'spatial'.*one of unstructured, compound"):
        check_structure("spatial")
