"""A mixed model with one grouping factor by dense matrices: slow, and short enough to be checked by eye."""

import numpy as np


def covariance(theta, z, codes):
    """Return V in units of the residual variance; theta: lower triangle of T by column."""
    q = z.shape[1]
    t = np.zeros((q, q))
    t[np.triu_indices(q)[::-1]] = theta
    return np.eye(len(z)) + (codes[:, None] == codes) * (z @ t @ t.T @ z.T)


def deviance(theta, sigma, y, x, z, codes, reml=True):
    """Return -2 (restricted) log-likelihood; sigma None: profiled."""
    v = covariance(theta, z, codes)
    n, p = x.shape
    solved = np.linalg.solve(v, np.column_stack([x, y]))
    xvx = x.T @ solved[:, :p]
    beta = np.linalg.solve(xvx, x.T @ solved[:, p])
    r2 = (y - x @ beta) @ (solved[:, p] - solved[:, :p] @ beta)
    nu = n - p if reml else n
    s2 = r2 / nu if sigma is None else sigma**2
    out = np.linalg.slogdet(v)[1] + nu * np.log(2 * np.pi * s2) + r2 / s2
    return out + (np.linalg.slogdet(xvx)[1] if reml else 0.0)


def variances(theta, sigma, x, z, codes):
    """Return the variances of the coefficients."""
    v = covariance(theta, z, codes)
    return sigma**2 * np.diag(np.linalg.inv(x.T @ np.linalg.solve(v, x)))


def differences(function, at, step=1e-4):
    """Return gradient and Hessian by central differences."""
    k = len(at)
    e = np.eye(k) * step
    value = [[function(at + e[i] + e[j]) - function(at + e[i] - e[j]) - function(at - e[i] + e[j])
              + function(at - e[i] - e[j]) for j in range(k)] for i in range(k)]  # fmt: skip
    gradient = [(function(at + e[i]) - function(at - e[i])) / (2 * step) for i in range(k)]
    return np.array(gradient), np.array(value) / (4 * step**2)


def satterthwaite(theta, sigma, y, x, z, codes, reml=True):
    """Return the degrees of freedom of each coefficient from numerical derivatives in (theta, sigma)."""
    at = np.append(theta, sigma)
    _, hessian = differences(lambda u: deviance(u[:-1], u[-1], y, x, z, codes, reml), at, 1e-3)
    gradient, _ = differences(lambda u: variances(u[:-1], u[-1], x, z, codes), at)
    values = variances(theta, sigma, x, z, codes)
    w = 2 * np.linalg.inv(hessian)
    return 2 * values**2 / np.einsum("ij,ik,kj->j", gradient, w, gradient)
