"""What a later plate needs to be measured as the study's chips were: constants, fixed once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError

_SERIES = {"reference_level": "reference_levels", "calibrator_level": "calibrator_levels", "efficiency": "efficiencies"}


def _nothing() -> pd.Series:
    return pd.Series(dtype="float64")


@dataclass(frozen=True, eq=False)
class FrozenMeasurement:
    """The constants between a Ct and an expression.

    Attributes
    ----------
    limit_of_detection : float
        Cycles.
    reference_levels : Series
        Usual Ct of each reference gene (x log2(E) where there are efficiencies); its index are the reference genes.
    calibrator : str or None
        Sample name of the inter-plate calibrator.
    calibrator_levels : Series
        Ct of the calibrator per assay that chips are brought to; empty without calibrator.
    efficiencies : Series
        Amplification factor per assay; empty where every assay is taken to double.
    no_template_control : str
        Its sample name.
    maximum_missing_fraction : float
        Share of a sample's panel reactions that may be untrusted.
    not_detected : {"limit", "impute"}
        What the study did with reactions below detection.
    """

    limit_of_detection: float
    reference_levels: pd.Series
    calibrator: str | None = None
    calibrator_levels: pd.Series = field(default_factory=_nothing)
    efficiencies: pd.Series = field(default_factory=_nothing)
    no_template_control: str = "NTC"
    maximum_missing_fraction: float = 0.2
    not_detected: str = "limit"

    @property
    def reference_genes(self) -> tuple[str, ...]:
        """Genes that expression is relative to."""
        return tuple(str(g) for g in self.reference_levels.index)

    def frame(self) -> pd.DataFrame:
        """Return the constants as a table: constant, name, value (NaN where the name says it all)."""
        lines: list[tuple[str, str, float]] = [
            ("limit_of_detection", "", self.limit_of_detection),
            ("no_template_control", self.no_template_control, np.nan),
            ("maximum_missing_fraction", "", self.maximum_missing_fraction),
            ("not_detected", self.not_detected, np.nan),
        ]
        if self.calibrator:
            lines.append(("calibrator", self.calibrator, np.nan))
        for constant, attribute in _SERIES.items():
            lines += [(constant, str(name), float(v)) for name, v in getattr(self, attribute).dropna().items()]
        return pd.DataFrame(lines, columns=["constant", "name", "value"])

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> FrozenMeasurement:
        """Read the constants back from `frame`.

        Raises
        ------
        AnalysisError
            A constant is missing.
        """
        single = frame.drop_duplicates("constant").set_index("constant")
        names, numbers = single["name"].to_dict(), single["value"].to_dict()
        needed = {"limit_of_detection", "no_template_control", "maximum_missing_fraction", "not_detected"}
        absent = sorted((needed | {"reference_level"}) - set(names))
        if absent:
            raise AnalysisError(
                "The table of frozen qPCR constants is incomplete",
                found=f"no {', '.join(absent)}",
                fix="run notebook 01_data_cleaning again",
            )
        series = {
            attribute: frame[frame["constant"] == constant].set_index("name")["value"].rename(None).rename_axis(None)
            for constant, attribute in _SERIES.items()
        }
        return cls(
            limit_of_detection=float(numbers["limit_of_detection"]),
            calibrator=str(names["calibrator"]) if "calibrator" in names else None,
            no_template_control=str(names["no_template_control"]),
            maximum_missing_fraction=float(numbers["maximum_missing_fraction"]),
            not_detected=str(names["not_detected"]),
            **series,
        )
