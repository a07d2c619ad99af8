"""What a model of one grouping factor and one of several have in common: cross-products in, derivatives out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lumier_analysis.mixed.relative_factor import Structure

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Parts:
    """The profiled deviance at one G, without constants, and its derivatives in the elements of G.

    Attributes
    ----------
    deviance : float
        ``log|V| + nu log r2``, plus ``log|X'V^-1X|`` if restricted; infinite where r2 is not positive.
    r2 : float
        y'V^-1y left by the coefficients.
    first, r2_first : ndarray, shape (m,)
    second : ndarray, shape (m, m)
        With the residual variance held at r2 / nu.
    slopes : ndarray, shape (m, p, p)
        L^-1 (d X'V^-1X) L^-T.
    lower : ndarray, shape (p, p)
        L, the Cholesky factor of X'V^-1X.
    beta : ndarray, shape (p,)
    """

    deviance: float
    r2: float
    first: Floats
    r2_first: Floats
    second: Floats
    slopes: Floats
    lower: Floats
    beta: Floats


@dataclass(frozen=True, slots=True)
class Traces:
    """What the expected information and Kenward and Roger's adjustment need, for elements k, l of G.

    Attributes
    ----------
    one : ndarray, shape (m,)
        tr(V^-1 V_k).
    two : ndarray, shape (m, m)
        tr(V^-1 V_k V^-1 V_l).
    slopes : ndarray, shape (m, p, p)
        L^-1 (d X'V^-1X) L^-T.
    curves : ndarray, shape (m, m, p, p)
        L^-1 X'V^-1 V_k V^-1 V_l V^-1 X L^-T.
    lower : ndarray, shape (p, p)
    """

    one: Floats
    two: Floats
    slopes: Floats
    curves: Floats
    lower: Floats


class Blocks(Protocol):
    """Cross-products of random effects, fixed effects and response."""

    def parts(self, theta: Floats, structure: Structure, nu: float, restricted: bool) -> Parts:
        """Return the deviance and its derivatives."""

    def traces(self, theta: Floats, structure: Structure) -> Traces:
        """Return the traces at theta."""

    def modes(self, theta: Floats, structure: Structure, beta: Floats) -> list[Floats]:
        """Return the conditional modes of the random effects by factor, shape (levels, q)."""

    def respond(self, y: Floats, xy: Floats) -> Blocks:
        """Return the same with another response; xy is X'y."""

    def least(self) -> tuple[float, int]:
        """Return the residual sum of squares with the random effects as if fixed, and its degrees of freedom."""
