"""Making a locked signature out of what the test cohort taught."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from lumier_analysis import __version__
from lumier_analysis.errors import AnalysisError, SignatureError
from lumier_analysis.qpcr import FrozenMeasurement
from lumier_analysis.signature.calibrate import CalibrationMap
from lumier_analysis.signature.locked import LockedSignature
from lumier_analysis.signature.refit import Refit
from lumier_analysis.signature.signature_fields import (
    CalibrationLine,
    GeneScaling,
    MeasurementConstants,
    ModuleMeanRule,
    Vector,
    ZeroRule,
)

MINIMUM_MODULE_FRACTION = 0.5
MAXIMUM_MISSING_FRACTION = 0.2
N_TEST_VECTORS = 10


@dataclass(frozen=True, slots=True)
class LockContext:
    """What every signature carries, whatever its kind.

    Attributes
    ----------
    modules : mapping of module -> genes
        The plan's panel.
    scores : mapping of score -> modules
    reference_genes : sequence of str
        Of the plan; those that `measurement` froze come first.
    mean, sd : Series
        log2, by gene: the frozen reference. A gene without both, or with sd 0, is left out of its module.
    scaling_reference : str
        The plan's words for whose they are.
    calibration : CalibrationMap or None
    threshold : float or None
    plan_hash, data_hash : str
    measurement : FrozenMeasurement or None
        What a later plate needs; None for an expression matrix.
    """

    modules: Mapping[str, Sequence[str]]
    scores: Mapping[str, Sequence[str]]
    reference_genes: Sequence[str]
    mean: pd.Series
    sd: pd.Series
    scaling_reference: str
    calibration: CalibrationMap | None
    threshold: float | None
    plan_hash: str
    data_hash: str
    measurement: FrozenMeasurement | None = None


def lock_module_score(context: LockContext, name: str) -> LockedSignature:
    """Lock a pre-specified score: the mean over its modules of the mean z-score of their genes.

    Raises
    ------
    SignatureError
        An unknown score, or a module of it with fewer than half of its genes scaled.
    """
    if name not in context.scores:
        raise SignatureError(f"there is no score {name}", found=", ".join(context.scores))
    modules, _, _ = _scaled(context)
    mine = context.scores[name]
    for m in mine:
        if len(modules[m]) < MINIMUM_MODULE_FRACTION * len(context.modules[m]):
            raise SignatureError(
                f"module {m} cannot be scored",
                found=f"{len(modules[m])} of {len(context.modules[m])} genes have a usable scaling",
                fix="look at the quality of these assays, or change panel.modules in the plan",
            )
    weights = {g: 1.0 / (len(mine) * len(modules[m])) for m in mine for g in modules[m]}
    rule = ModuleMeanRule(rule="module_mean", minimum_fraction=MINIMUM_MODULE_FRACTION)
    return _lock(context, "module_score", name, weights, 0.0, rule)


def lock_elastic_net(context: LockContext, refit: Refit, name: str = "elastic_net") -> LockedSignature:
    """Lock an elastic net, its coefficients turned into weights of the frozen z-scores.

    The model is linear in expression, so the change from the training scale to the reference's is exact.

    Raises
    ------
    SignatureError
        No gene selected, a selected gene without a usable scaling, or reference genes other than the frozen ones.
    AnalysisError
        The model needs more than the expression of one sample (`Refit.gene_weights`).
    """
    _, scaling, _ = _scaled(context)
    if refit.selected.empty:
        raise SignatureError("the elastic net selected no gene: there is nothing to lock")
    per_log2, intercept = refit.gene_weights()
    _check_references(context, refit)
    unscaled = [g for g in per_log2.index if g not in scaling]
    if unscaled:
        raise SignatureError("selected genes have no usable scaling", found=", ".join(unscaled))
    weights = {str(g): float(w) * scaling[str(g)]["sd"] for g, w in per_log2.items()}
    intercept += sum(float(w) * scaling[str(g)]["mean"] for g, w in per_log2.items())
    rule = ZeroRule(rule="zero", maximum_missing_fraction=MAXIMUM_MISSING_FRACTION)
    return _lock(context, "elastic_net", name, weights, intercept, rule)


def lock_obstacle(context: LockContext, refit: Refit) -> str:
    """Return why an elastic net cannot be locked, as one sentence; "" where it can, or selected nothing."""
    if refit.selected.empty:
        return ""
    try:
        lock_elastic_net(context, refit)
    except (SignatureError, AnalysisError) as error:
        return f"{error.message}{f' ({error.found})' if error.found else ''}."
    return ""


def _check_references(context: LockContext, refit: Refit) -> None:
    """Refuse a model that chose reference genes other than those its samples will be measured against."""
    design = refit.fit.preparation.design
    chosen = design.reference_names if design is not None else ()
    frozen = context.measurement.reference_genes if context.measurement else tuple(context.reference_genes)
    if chosen and set(chosen) != set(frozen):
        raise SignatureError(
            "the elastic net is relative to reference genes of its own choice",
            found=f"{', '.join(chosen)}; frozen are {', '.join(frozen)}",
            fix="refit it on expression relative to the frozen reference genes",
        )


def _scaled(
    context: LockContext,
) -> tuple[dict[str, list[str]], dict[str, GeneScaling], list[str]]:
    """Return the scaled genes of each module, the scaling of every gene that has one, and the genes without."""
    mean, sd = context.mean.astype(np.float64), context.sd.astype(np.float64)
    good = mean.index[np.isfinite(mean) & np.isfinite(sd.reindex(mean.index)) & (sd.reindex(mean.index) > 0)]
    scaling = {str(g): GeneScaling(mean=float(mean[g]), sd=float(sd[g])) for g in good}
    kept = {m: [g for g in genes if g in scaling] for m, genes in context.modules.items()}
    left_out = [g for genes in context.modules.values() for g in genes if g not in scaling]
    return kept, scaling, left_out


def _lock(
    context: LockContext,
    kind: Literal["module_score", "elastic_net"],
    name: str,
    weights: dict[str, float],
    intercept: float,
    rule: ModuleMeanRule | ZeroRule,
) -> LockedSignature:
    """Put the pieces together, compute the test vectors and the hashes, and verify."""
    _, scaling, left_out = _scaled(context)
    calibration = None
    if context.calibration is not None:
        line = context.calibration
        calibration = CalibrationLine(intercept=line.intercept.value, slope=line.slope.value)
    frozen = context.measurement
    bare = LockedSignature(
        kind=kind,
        name=name,
        genes=tuple(weights),
        weights=weights,
        intercept=float(intercept),
        reference_genes=tuple(frozen.reference_genes if frozen else context.reference_genes),
        scaling=scaling,
        scaling_reference=context.scaling_reference,
        measurement=_constants(frozen),
        missing_gene_rule=rule,
        modules={m: list(genes) for m, genes in context.modules.items()},
        scores={s: list(ms) for s, ms in context.scores.items()},
        calibration=calibration,
        threshold=None if context.threshold is None else float(context.threshold),
        genes_left_out=tuple(left_out),
        plan_hash=context.plan_hash,
        data_hash=context.data_hash,
        software=f"lumier-analysis {__version__}",
    )
    tested = replace(bare, test_vectors=_test_vectors(bare))
    locked = replace(tested, hashes=tested.field_hashes())
    locked.verify()
    return locked


def _constants(frozen: FrozenMeasurement | None) -> MeasurementConstants | None:
    """Return the frozen measurement as the file holds it."""
    if frozen is None:
        return None

    def numbers(values: pd.Series) -> dict[str, float]:
        return {str(name): float(value) for name, value in values.dropna().items()}

    return MeasurementConstants(
        limit_of_detection=float(frozen.limit_of_detection),
        reference_levels=numbers(frozen.reference_levels),
        calibrator=frozen.calibrator,
        calibrator_levels=numbers(frozen.calibrator_levels),
        efficiencies=numbers(frozen.efficiencies),
        no_template_control=frozen.no_template_control,
        maximum_missing_fraction=float(frozen.maximum_missing_fraction),
        not_detected="impute" if frozen.not_detected == "impute" else "limit",
    )


def _test_vectors(signature: LockedSignature) -> tuple[Vector, ...]:
    """Return made-up samples with what they score.

    Values are drawn around the reference, not copied from patients: the file is published. The last but one misses
    one gene, the last misses them all but one.
    """
    z = np.random.default_rng(1).standard_normal((N_TEST_VECTORS, len(signature.genes))).round(2)
    vectors = []
    for i, line in enumerate(z):
        sample = {
            g: round(signature.scaling[g]["mean"] + signature.scaling[g]["sd"] * float(v), 6)
            for g, v in zip(signature.genes, line, strict=True)
        }
        if i == N_TEST_VECTORS - 2:
            sample.pop(signature.genes[0])
        elif i == N_TEST_VECTORS - 1:
            sample = {signature.genes[0]: sample[signature.genes[0]]}
        got = signature.expected(sample)
        vectors.append(Vector(expression=sample, score=got["score"], risk=got["risk"], flag=got["flag"]))
    return tuple(vectors)
