"""Expected information on the variance parameters, from traces over the random effects alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lumier_analysis.mixed.blocks import Traces

Floats = npt.NDArray[np.float64]


def information(traces: Traces, elements: Floats, n: int, restricted: bool) -> Floats:
    """Return twice the expected information on the elements of G and the residual variance, which is 1.

    ``tr(V^-1 V_i V^-1 V_j)``, under REML with the projection on the fixed effects' complement (Halekoh and Hojsgaard
    2014, J Stat Softw 59:9, eq. for W). The derivative by the residual variance is V less the part of G.
    """
    two, slopes, curves = extended(traces, elements, n)
    return restricted_information(two, slopes, curves) if restricted else two


def restricted_information(two: Floats, slopes: Floats, curves: Floats) -> Floats:
    """Return twice the expected information under REML from what `extended` returns."""
    return two - 2 * np.einsum("ijaa->ij", curves) + np.einsum("iab,jab->ij", slopes, slopes)


def extended(traces: Traces, elements: Floats, n: int) -> tuple[Floats, Floats, Floats]:
    """Return tr(V^-1 V_i V^-1 V_j), slopes and curves with the residual variance, which is 1, as last parameter."""
    k, p = len(traces.one), len(traces.lower)
    two = np.block([[traces.two, traces.one[:, None]], [traces.one[None, :], np.array([[float(n)]])]])
    slopes = np.concatenate([traces.slopes, -np.eye(p)[None]])
    curves = np.empty((k + 1, k + 1, p, p))
    curves[:k, :k] = traces.curves
    curves[k, :k] = curves[:k, k] = -traces.slopes
    curves[k, k] = np.eye(p)
    turn = np.eye(k + 1)
    turn[k, :k] = -elements
    return (
        turn @ two @ turn.T,
        np.tensordot(turn, slopes, 1),
        np.tensordot(turn, turn @ curves.reshape(k + 1, k + 1, p * p), 1).reshape(curves.shape),
    )
