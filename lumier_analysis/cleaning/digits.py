"""End-digit preference: measured values end in 0 to 9 equally often; read off, rounded or invented ones do not.

A last digit is uniform whatever the distribution, as long as values spread over many units of it: for a normal
distribution with a standard deviation of s units no digit differs from 1/10 by more than about 2 exp(-2 pi^2 s^2 / 100)
/ 10, which is below 0.002 at s = 5 (the first Fourier coefficient of the distribution at period 10).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.errors import PlanError
from lumier_analysis.performance import holm

#: Five expected values a digit, the usual bound for the chi-square approximation.
_MIN_VALUES = 50
_MIN_SPREAD = 5.0
_MAX_DECIMALS = 6


def decimals_of(values: np.ndarray) -> int:
    """Return the decimals that the values are recorded with: the fewest that hold 99 % of them.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        Without missing values.
    """
    for places in range(_MAX_DECIMALS):
        scaled = values * 10.0**places
        if np.mean(np.abs(scaled - np.round(scaled)) < 1e-6 * np.maximum(1, np.abs(scaled))) >= 0.99:
            return places
    return _MAX_DECIMALS


def end_digits(values: np.ndarray, places: int) -> np.ndarray:
    """Return the last recorded digit of each value, 0 to 9."""
    return np.abs(np.round(values * 10.0**places)).astype(np.int64) % 10


def digit_test(values: np.ndarray, places: int) -> tuple[np.ndarray, float] | None:
    """Test whether end digits are uniform.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    places : int
        Decimals of the column, see `decimals_of`.

    Returns
    -------
    counts : ndarray of int, shape (10,)
    p : float
        Pearson chi-square against 1/10 each, 9 degrees of freedom.
        None where there are fewer than 50 values, or where they spread over too few units of the last digit for it to
        be uniform by itself.
    """
    spread = np.subtract(*np.percentile(values, [75, 25])) / 1.349 * 10.0**places if len(values) else 0.0
    if len(values) < _MIN_VALUES or spread < _MIN_SPREAD:
        return None
    counts = np.bincount(end_digits(values, places), minlength=10)
    return counts, float(scipy.stats.chisquare(counts).pvalue)


def query_end_digits(
    visits: pd.DataFrame, centres: pd.Series, columns: list[str], alpha: float, queries: Queries
) -> None:
    """Note centres whose end digits of a laboratory value are not uniform (Holm over centres and columns).

    Parameters
    ----------
    visits : DataFrame
        patient_id and the columns.
    centres : Series
        Centre of a patient, indexed by patient_id.
    columns : list of str
        ``checks.end_digits`` of the plan.
    alpha : float
        Chance of any note where all digits are uniform.

    Raises
    ------
    PlanError
        A column is not there or is no number.
    """
    centre = visits["patient_id"].map(centres).astype("str")
    found = []
    for column in columns:
        if column not in visits or not pd.api.types.is_numeric_dtype(visits[column]):
            raise PlanError(
                f"checks.end_digits names {column}, which is no column of numbers of the visits",
                fix="correct checks.end_digits in the plan",
            )
        # A value at a limit of detection ("<5") ends in the limit's digit.
        exact = visits[column].notna()
        if f"{column}_censored" in visits:
            exact &= visits[f"{column}_censored"].fillna("") == ""
        numbers = visits.loc[exact, column].astype(float)
        if numbers.empty:
            continue
        places = decimals_of(numbers.to_numpy())
        for name, own in numbers.groupby(centre[exact]):
            if (test := digit_test(own.to_numpy(), places)) is not None:
                found.append((str(name), column, *test))
    adjusted = holm([p for *_, p in found])
    for (name, column, counts, _), p in zip(found, adjusted, strict=True):
        if p < alpha:
            top = int(np.argmax(counts))
            queries.add(
                "end_digit_preference",
                pd.DataFrame({"centre": [name]}),
                field=column,
                value=f"{100 * counts[top] / counts.sum():.0f} % end in {top} (n = {counts.sum()}, p = {p:.2g})",
                expected="each end digit in 10 %; p by chi-square, Holm",
                action="no answer needed",
                severity="note",
            )
