"""Small made-up models as arrays, and what they are by the n x n covariance itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

REFERENCE = Path(__file__).parents[1] / "reference"


def reference_data(name: str) -> pd.DataFrame:
    """Return one of the data sets of tests/reference/lmm.R."""
    table = pd.read_csv(REFERENCE / "lmm_data.csv")
    return table[table["set"] == name].drop(columns="set")


def one_factor(seed: int = 1, groups: int = 9) -> tuple[Floats, Floats, Floats, Ints]:
    """Return y, x, z, codes: random intercept and slope, groups of one to six rows in mixed order."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(groups), 1 + np.arange(groups) % 6))
    time = rng.uniform(0, 5, codes.size)
    x = np.column_stack([np.ones(codes.size), time, rng.standard_normal(groups)[codes]])
    z = x[:, :2].copy()
    y = x @ [1.0, 0.4, -0.2] + rng.standard_normal(groups)[codes] + 0.3 * rng.standard_normal(groups)[codes] * time
    return y + 0.7 * rng.standard_normal(codes.size), x, z, codes


def three_factors(seed: int = 2) -> tuple[Floats, Floats, list[Floats], list[Ints]]:
    """Return y, x, z, codes of three factors, one of two random effects; two are nested, one crosses them."""
    y, x, z, codes = one_factor(seed, 10)
    rng = np.random.default_rng(seed)
    plate = rng.integers(0, 4, codes.size)
    plate[:4] = np.arange(4)
    centre = codes % 3
    ones = np.ones((codes.size, 1))
    y = y + rng.standard_normal(3)[centre] + 0.5 * rng.standard_normal(4)[plate]
    return y, x, [np.column_stack([ones, x[:, 1] ** 2]), z, ones], [centre, codes, plate.astype(np.intp)]


def relative_covariance(z: Sequence[Floats], codes: Sequence[Ints], factors: Sequence[Floats]) -> Floats:
    """Return V = I + Z G Z' in full."""
    v = np.eye(len(codes[0]))
    for part, code, t in zip(z, codes, factors, strict=True):
        v += (part @ (t @ t.T) @ part.T) * (code[:, None] == code[None, :])
    return v


def dense_deviance(y: Floats, x: Floats, v: Floats, restricted: bool) -> float:
    """Return -2 times the profiled log-likelihood, constants included, by the n x n matrix."""
    n, p = x.shape
    inverse = np.linalg.inv(v)
    gram = x.T @ inverse @ x
    rest = y - x @ np.linalg.solve(gram, x.T @ inverse @ y)
    nu = n - p if restricted else n
    out = np.linalg.slogdet(v)[1] + nu * (1 + np.log(2 * np.pi * (rest @ inverse @ rest) / nu))
    return float(out + (np.linalg.slogdet(gram)[1] if restricted else 0.0))


def slope(function: Callable[[Floats], npt.ArrayLike], at: Floats, step: float = 1e-5) -> Floats:
    """Return the central difference quotients of a function, first axis the argument."""
    out = []
    for i in range(at.size):
        move = np.zeros(at.size)
        move[i] = step
        out.append((np.asarray(function(at + move)) - np.asarray(function(at - move))) / (2 * step))
    return np.array(out)
