"""From chip reactions to expression, every step as the plan says, and the quality of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from lumier_analysis.cleaning.measured import Measured
from lumier_analysis.cleaning.miqe import miqe
from lumier_analysis.cleaning.qpcr_findings import findings
from lumier_analysis.cleaning.qpcr_quality import Run, components_of, qpcr_quality
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.rules import plate_map_mismatches
from lumier_analysis.errors import AnalysisError, RawDataError
from lumier_analysis.qpcr import (
    Calibration,
    FrozenMeasurement,
    calibrate,
    chip_quality,
    choose_references,
    efficiencies,
    expression_from_ct,
    is_standard,
    log2_units,
    mean_ct,
    standard_curves,
    standards_of,
)
from lumier_analysis.study.plan import Plan


def measure_qpcr(
    reactions: pd.DataFrame, plate_map: pd.DataFrame | None, test_samples: set[str], plan: Plan, queries: Queries
) -> Measured:
    """Turn chip reactions into expression and judge every sample.

    Parameters
    ----------
    reactions : DataFrame
        As `read_biomark` gives them, all chips.
    plate_map : DataFrame or None
        chip, inlet, sample_id.
    test_samples : set of str
        Samples of the test cohort: calibrator and reference levels are frozen on their chips, so that nothing is
        re-centred on validation data.
    """
    qpcr, panel = plan.qpcr, plan.panel
    controls = {name for name in (qpcr.calibrator, qpcr.no_template_control) if name}
    disputed: set[str] = set()
    if plate_map is not None:
        disputed = plate_map_mismatches(reactions, plate_map, controls, queries)
    absent = sorted({*panel.genes, *panel.reference_genes} - set(reactions["assay"]))
    if absent:
        raise RawDataError(
            "The chip exports have no assay for genes of the panel",
            found=f"no {', '.join(absent[:8])}",
            fix="correct panel in the plan, or the assay names in the export",
        )
    calibration, adjusted = None, reactions
    if qpcr.calibrator:
        test_chips = reactions.loc[reactions["sample"].isin(test_samples), "chip"].unique()
        frozen = calibrate(reactions[reactions["chip"].isin(test_chips)], qpcr.calibrator) if len(test_chips) else None
        calibration = calibrate(reactions, qpcr.calibrator, levels=frozen.levels if frozen else None)
        adjusted = calibration.reactions
    chips = chip_quality(
        reactions,
        calibration=calibration,
        no_template_control=qpcr.no_template_control,
        genomic_dna_assay=qpcr.genomic_dna_assay,
    )
    # Controls and standards measure nobody.
    own = adjusted[~adjusted["sample"].isin(controls) & ~is_standard(adjusted)]
    curves, factors = _efficiency(adjusted, plan)
    ct, bound = mean_ct(own, qpcr.limit_of_detection)
    of_test = ct.index.isin(test_samples)
    candidates = list(dict.fromkeys(panel.reference_genes))
    units = log2_units(factors, pd.Index(candidates))
    reference_log2 = -ct[candidates].mask(bound[candidates]).mul(units, axis=1)
    references = choose_references(
        reference_log2[of_test],
        rule=qpcr.reference_choice,
        maximum_m=qpcr.maximum_m,
        maximum_variation=qpcr.maximum_pairwise_variation,
    )
    settings: dict[str, Any] = {"reference_genes": references.genes, "genes": panel.genes, "efficiencies": factors}
    levels = expression_from_ct(ct[of_test], bound[of_test], **settings).reference_levels if of_test.any() else None
    result = expression_from_ct(ct, bound, **settings, reference_levels=levels)
    failed = result.reason.astype("object").reindex(result.log2.index).fillna("")
    failed = failed.mask(failed != "", "reference genes not measured")
    failed[result.missing_fraction > qpcr.maximum_missing_fraction] = "too many untrusted reactions"
    failed[failed.index.isin(disputed)] = "plate map and chip disagree"
    notes = {
        "chips": len(chips),
        "reactions": len(reactions),
        "reactions not detected": int((reactions["state"] == "not detected").sum()),
        "reactions untrusted": int((reactions["state"] == "untrusted").sum()),
    }
    passing = failed.index[failed == ""]
    fitted = passing[passing.isin(test_samples)]
    run = Run(
        raw=reactions,
        adjusted=adjusted,
        own=own,
        calibration=calibration,
        ct=ct,
        expression=result,
        references=references,
        efficiencies=factors,
        curves=curves,
        passing=passing,
        reference=fitted if len(fitted) else passing,
        controls=controls,
    )
    components = components_of(result.log2.loc[passing])
    quality, imputed = qpcr_quality(run, plan)
    quality = replace(quality, findings=findings(quality, run, plan, failed, components))
    return Measured(
        log2=imputed if qpcr.not_detected == "impute" else result.log2,
        failed=failed,
        chips=chips,
        notes=notes,
        references=references,
        reference_log2=reference_log2,
        components=components,
        quality=quality,
        miqe=miqe(run, quality, plan),
        frozen=_frozen(levels, calibration, factors, plan),
    )


def _frozen(
    levels: pd.Series | None, calibration: Calibration | None, factors: pd.Series | None, plan: Plan
) -> FrozenMeasurement | None:
    """Return the constants for later plates; None where the test cohort has no sample."""
    if levels is None:
        return None
    nothing = pd.Series(dtype="float64")
    return FrozenMeasurement(
        limit_of_detection=plan.qpcr.limit_of_detection,
        reference_levels=levels,
        calibrator=plan.qpcr.calibrator,
        calibrator_levels=nothing if calibration is None else calibration.levels,
        efficiencies=nothing if factors is None else factors,
        no_template_control=plan.qpcr.no_template_control,
        maximum_missing_fraction=plan.qpcr.maximum_missing_fraction,
        not_detected=plan.qpcr.not_detected,
    )


def _efficiency(reactions: pd.DataFrame, plan: Plan) -> tuple[pd.DataFrame, pd.Series | None]:
    """Return the standard curves, and the efficiencies where the plan uses them."""
    wanted = plan.qpcr.efficiency == "from_standards"
    try:
        curves = standard_curves(standards_of(reactions), level=plan.inference.level)
    except AnalysisError:
        if wanted:
            raise
        return pd.DataFrame(), None
    return curves, efficiencies(curves) if wanted else None
