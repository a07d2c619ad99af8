"""False discovery rate of many tests: Benjamini-Hochberg, within families."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import AnalysisError

Floats = npt.NDArray[np.float64]


def benjamini_hochberg(p_values: npt.ArrayLike) -> Floats:
    """Return the q value of every test of one family: the least false discovery rate at which it is declared.

    ``q_(i) = min_{j >= i} m p_(j) / j`` over the ordered p values (Benjamini and Hochberg 1995, J R Stat Soc B 57:289;
    R: ``p.adjust(p, "BH")``). A missing p value stays missing and does not count in m.

    Raises
    ------
    AnalysisError
        A value outside [0, 1].
    """
    p = np.asarray(p_values, dtype=np.float64).ravel()
    tested = ~np.isnan(p)
    if (p[tested] < 0).any() or (p[tested] > 1).any():
        raise AnalysisError("a p value lies between 0 and 1", found=f"{p[tested].min():g} to {p[tested].max():g}")
    out = np.full(p.size, np.nan)
    m = int(tested.sum())
    if m:
        order = np.argsort(-p[tested], kind="stable")
        raised = p[tested][order] * (m / np.arange(m, 0, -1.0))
        q = np.empty(m)
        q[order] = np.minimum(np.minimum.accumulate(raised), 1.0)
        out[tested] = q
    return out


def q_values(p_values: pd.Series, *families: Any) -> Floats:
    """Return q values within families, in the order of the p values.

    Parameters
    ----------
    p_values : Series, n tests
    *families : array-like, n labels each
        Tests with the same labels are one family.
    """
    out = np.full(len(p_values), np.nan)
    p = p_values.to_numpy(dtype=np.float64)
    keys = [pd.factorize(np.asarray(f, dtype=object))[0] for f in families]
    if not keys:
        return benjamini_hochberg(p)
    codes = keys[0].astype(np.int64)
    for key in keys[1:]:
        codes = codes * (int(key.max(initial=0)) + 1) + key
    order = np.argsort(codes, kind="stable")
    ends = np.flatnonzero(np.diff(codes[order])) + 1
    for part in np.split(order, ends):
        out[part] = benjamini_hochberg(p[part])
    return out
