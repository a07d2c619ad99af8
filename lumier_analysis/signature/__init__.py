"""Derivation of the signature on the test cohort, and the signature once it is locked.

Nothing here reads the validation cohort; only `LockedSignature.score` is ever applied to it.
"""

from lumier_analysis.signature.calibrate import CalibrationMap, fit_calibration
from lumier_analysis.signature.choice import Choice, choose_signature
from lumier_analysis.signature.comparators import marker_aucs, marker_table
from lumier_analysis.signature.folds import grouped_folds
from lumier_analysis.signature.lock import LockContext, lock_elastic_net, lock_module_score
from lumier_analysis.signature.locked import LockedSignature
from lumier_analysis.signature.nested import NestedResult, nested_cv
from lumier_analysis.signature.refit import Refit, refit_elastic_net
from lumier_analysis.signature.threshold import Threshold, choose_threshold
from lumier_analysis.signature.tuning import Settings

__all__ = [
    "CalibrationMap",
    "Choice",
    "LockContext",
    "LockedSignature",
    "NestedResult",
    "Refit",
    "Settings",
    "Threshold",
    "choose_signature",
    "choose_threshold",
    "fit_calibration",
    "grouped_folds",
    "lock_elastic_net",
    "lock_module_score",
    "marker_aucs",
    "marker_table",
    "nested_cv",
    "refit_elastic_net",
]
