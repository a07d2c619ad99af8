"""One number with everything a reader needs to judge it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Estimate:
    """A point estimate, its interval, its estimator and its denominators.

    Attributes
    ----------
    value : float
        Point estimate; NaN only together with a `note` that says why it cannot be given.
    se : float
        Standard error on the scale of `value`.
    ci_low, ci_high : float
        Limits of the two-sided interval.
    level : float
        Confidence level, default 0.95.
    method : str
        Estimator and interval, in words ("AUC, Obuchowski clustered; logit interval").
    n_patients, n_rows, n_events : int or None
        Patients (clusters), rows (visits, landmarks) and events the estimate rests on.
    p_value : float or None
        Two-sided, where a test belongs to the estimate.
    df, fmi : float or None
        Degrees of freedom and fraction of missing information, where pooled.
    note : str
        A stated degradation ("no events: not estimable").
    """

    value: float
    se: float = math.nan
    ci_low: float = math.nan
    ci_high: float = math.nan
    level: float = 0.95
    method: str = ""
    n_patients: int | None = None
    n_rows: int | None = None
    n_events: int | None = None
    p_value: float | None = None
    df: float | None = None
    fmi: float | None = None
    note: str = field(default="")

    def __float__(self) -> float:
        return float(self.value)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dictionary (JSON ready but for NaN)."""
        return asdict(self)

    def text(self, digits: int = 2) -> str:
        """Return ``value (95 % CI low to high)``, rounded to `digits` decimals."""
        if math.isnan(self.value):
            return f"not estimable{': ' + self.note if self.note else ''}"
        if math.isnan(self.ci_low):
            return f"{self.value:.{digits}f}"
        return (
            f"{self.value:.{digits}f} ({100 * self.level:g} % CI {self.ci_low:.{digits}f} to {self.ci_high:.{digits}f})"
        )

    def __str__(self) -> str:
        counts = [
            f"{n} {what}"
            for n, what in ((self.n_patients, "patients"), (self.n_rows, "rows"), (self.n_events, "events"))
            if n is not None
        ]
        return "; ".join(part for part in (self.text(3), self.method, ", ".join(counts)) if part)

    def _repr_html_(self) -> str:
        return f"<p><strong>{self.text(3)}</strong><br><small>{str(self).removeprefix(self.text(3) + '; ')}</small></p>"
