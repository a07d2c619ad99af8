"""How alike a patient's values are, and how two measures move together within patients."""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.errors import Pandas4Warning
from scipy.stats import f as f_distribution
from scipy.stats import norm

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.estimate import Estimate


def icc(values: npt.ArrayLike, groups: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """Return the intraclass correlation of one-way random effects, ICC(1,1).

    Analysis-of-variance estimator with the mean group size of Donner (1986, Int Stat Rev 54:67) and the limits of
    the F distribution, exact for equal group sizes and approximate otherwise. For equal sizes it is pingouin's
    ``ICC(1,1)``; pingouin takes no others, and patients have different numbers of visits.

    Parameters
    ----------
    values : array-like of float, shape (n,)
        Finite.
    groups : array-like, shape (n,)
        Patient of each value; patients with one value count in the spread between patients.
    level : float

    Returns
    -------
    Estimate
        May be negative (less alike than chance). NaN with a note where no patient has two values, there is one
        patient, or the values are constant.

    Raises
    ------
    AnalysisError
        Missing or infinite values.
    """
    y = np.asarray(values, dtype=np.float64)
    if not np.isfinite(y).all():
        raise AnalysisError("the ICC needs finite values", found=f"{int((~np.isfinite(y)).sum())} missing or infinite")
    _, code = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    size = np.bincount(code)
    n, k = y.size, size.size
    method = "ICC(1), one-way analysis of variance; F interval"

    def result(value: float, low: float = math.nan, high: float = math.nan, note: str = "") -> Estimate:
        return Estimate(value, ci_low=low, ci_high=high, level=level, method=method, n_patients=k, n_rows=n, note=note)

    if k < 2 or n == k:
        return result(math.nan, note="no patient with two values, or one patient: not estimable")
    means = np.bincount(code, weights=y) / size
    within = float(((y - means[code]) ** 2).sum()) / (n - k)
    between = float((size * (means - y.mean()) ** 2).sum()) / (k - 1)
    if within <= 0:
        return result(math.nan, note="no variation within patients: not estimable")
    mean_size = (n - float((size**2).sum()) / n) / (k - 1)

    def correlation(ratio: float) -> float:
        return (ratio - 1) / (ratio - 1 + mean_size)

    ratio, tail = between / within, (1 - level) / 2
    low = correlation(ratio / float(f_distribution.ppf(1 - tail, k - 1, n - k)))
    high = correlation(ratio / float(f_distribution.ppf(tail, k - 1, n - k)))
    return result(correlation(ratio), low, high)


def repeated_measures_correlation(
    frame: pd.DataFrame, x: str, y: str, patient: str, *, level: float = 0.95
) -> Estimate:
    """Return the correlation of two measures within patients, common to all of them.

    Bakdash JZ, Marusich LR. Repeated measures correlation. Front Psychol 2017;8:456. Correlation and p-value are
    pingouin's; the interval is Fisher's with N - k - 1 degrees of freedom (N rows, k patients), as pingouin's, which
    rounds it to two decimals.

    Parameters
    ----------
    frame : DataFrame, one row a visit
        Rows with a missing value are left out; patients with fewer than two rows carry no information.
    x, y, patient : str
        Columns.
    level : float

    Returns
    -------
    Estimate
        With df. NaN with a note where fewer than three patients have two visits, or a measure does not vary within
        patients.

    Raises
    ------
    UsageError
        The frame has no such column, or x and y are the same.
    """
    import pingouin

    if absent := [c for c in (x, y, patient) if c not in frame]:
        raise UsageError("The rows have no such column", found=", ".join(absent))
    if x == y:
        raise UsageError("A measure is not correlated with itself", found=x, fix="name two columns")
    used = frame[[patient, x, y]].dropna()
    used = used[used.groupby(patient)[x].transform("size") >= 2].astype({x: float, y: float, patient: str})
    n_patients = int(used[patient].nunique())
    method = "repeated-measures correlation (pingouin); Fisher interval"
    spread = {c: used[c] - used.groupby(patient)[c].transform("mean") for c in (x, y)}
    # Constant values leave a remainder of rounding after their mean is taken away.
    varies = all(bool((spread[c].abs() > 1e-12 * (1 + used[c].abs())).any()) for c in (x, y))
    if n_patients < 3 or not varies:
        note = "fewer than three patients with two visits, or no variation within patients: not estimable"
        return Estimate(math.nan, level=level, method=method, n_patients=n_patients, n_rows=len(used), note=note)
    with warnings.catch_warnings():
        # pingouin 0.7 writes `inplace`, which pandas 3.1 deprecates.
        warnings.filterwarnings("ignore", category=Pandas4Warning, module="pingouin")
        row = pingouin.rm_corr(data=used, x=x, y=y, subject=patient).iloc[0]
    r, df = float(row["r"]), len(used) - n_patients - 1
    low = high = math.nan
    note = "" if df > 1 else "too few visits for an interval"
    if df > 1 and abs(r) < 1:
        half = float(norm.ppf(0.5 + level / 2)) / math.sqrt(df - 1)
        low, high = math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)
    return Estimate(
        r, ci_low=low, ci_high=high, level=level, method=method, n_patients=n_patients, n_rows=len(used),
        p_value=float(row["pval"]), df=float(df), note=note,
    )  # fmt: skip
