"""The qPCR constants that the cleaning froze on the test cohort, read back for the lock."""

from __future__ import annotations

from lumier_analysis.qpcr import FrozenMeasurement
from lumier_analysis.study import Study

#: Table of the test cohort that holds them.
CONSTANTS = "qpcr_constants"


def frozen_measurement(study: Study) -> FrozenMeasurement | None:
    """Return what a later plate needs to be measured as the chips of the test cohort were; None for a matrix.

    Raises
    ------
    AnalysisError
        The cleaning has not written them yet.
    """
    if study.plan.expression.source != "qpcr":
        return None
    return FrozenMeasurement.from_frame(study.read(CONSTANTS, "test"))
