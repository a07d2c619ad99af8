"""Samples: their gene expression, their quality, and the visit each belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.rules import plate_map_mismatches
from lumier_analysis.errors import RawDataError
from lumier_analysis.qpcr import calibrate, chip_quality, expression_from_probes, expression_from_reactions
from lumier_analysis.readers import detect_scale, to_log2
from lumier_analysis.study.plan import Plan


@dataclass(frozen=True, slots=True)
class Measured:
    """Expression of every sample and what is known of its quality.

    Attributes
    ----------
    log2 : DataFrame, shape (n_samples, n_genes)
        log2 expression relative to the reference genes; higher is more RNA; NaN is untrusted.
    failed : Series of str, indexed by sample
        Why a sample fails; empty if it passes.
    chips : DataFrame
        One row a chip; empty where there are none.
    notes : dict of str to int
        Counts for the data-quality table.
    """

    log2: pd.DataFrame
    failed: pd.Series
    chips: pd.DataFrame
    notes: dict[str, int]


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
    own = adjusted[~adjusted["sample"].isin(controls)]
    settings: dict[str, Any] = {
        "reference_genes": panel.reference_genes,
        "limit_of_detection": qpcr.limit_of_detection,
        "genes": panel.genes,
    }
    of_test = own[own["sample"].isin(test_samples)]
    levels = expression_from_reactions(of_test, **settings).reference_levels if len(of_test) else None
    result = expression_from_reactions(own, **settings, reference_levels=levels)
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
    return Measured(result.log2, failed, chips, notes)


def measure_matrix(expression: pd.DataFrame, annotation: pd.DataFrame, test_samples: set[str], plan: Plan) -> Measured:
    """Turn a probe matrix into gene expression relative to the reference genes.

    Parameters
    ----------
    expression : DataFrame, shape (n_probes, n_samples)
    annotation : DataFrame
        Columns probe and gene.
    test_samples : set of str
        Arrays of the test cohort: which probes lie on the detection floor is learned from them alone.
    """
    settings, panel = plan.expression, plan.panel
    scale = detect_scale(expression.to_numpy()) if settings.scale == "auto" else settings.scale
    log2 = to_log2(expression, scale)
    wanted = {*panel.genes, *panel.reference_genes}
    annotation = annotation.loc[annotation["gene"].isin(wanted), ["probe", "gene"]]
    floored = pd.Series(dtype=float)
    if settings.floor is not None:
        probes = log2.index.intersection(pd.Index(annotation["probe"]))
        seen = [s for s in log2.columns if s in test_samples] or list(log2.columns)
        # Files print intensities to three decimals: the floor log2(10) = 3.3219 stands there as 3.322.
        floored = (log2.loc[probes, seen] <= settings.floor + 1e-3).mean(axis=1)
        annotation = annotation[~annotation["probe"].isin(floored.index[floored > settings.maximum_floor_fraction])]
    lost = sorted(set(panel.reference_genes) - set(annotation["gene"]))
    if lost:
        raise RawDataError(
            "The matrix has no usable probe for reference genes of the plan",
            found=f"{', '.join(lost)} not annotated, or on the detection floor",
            fix="correct panel.reference_genes in the plan",
        )
    result = expression_from_probes(
        log2, annotation, reference_genes=panel.reference_genes, genes=panel.genes, floor=settings.floor
    )
    notes = {
        "arrays": expression.shape[1],
        "probes": expression.shape[0],
        "panel genes measured": result.log2.shape[1],
        "panel genes without usable probe": len(result.absent),
    }
    if settings.floor is not None:
        notes["panel probes on the detection floor, not used"] = int((floored > settings.maximum_floor_fraction).sum())
    return Measured(result.log2, result.reason.astype("object"), pd.DataFrame(), notes)


def judge_samples(samples: pd.DataFrame, measured: Measured, plan: Plan, queries: Queries) -> pd.DataFrame:
    """Add ``qc_pass`` and ``qc_reason`` to the samples and query those that fail."""
    reason = samples["sample_id"].map(measured.failed)
    reason = reason.mask(reason.isna(), "no expression measured").astype("string")
    minimum = plan.qpcr.minimum_rin
    if minimum is not None and "rin" in samples:
        low = (samples["rin"] < minimum).fillna(False).astype(bool) & (reason == "")
        reason = reason.mask(low, f"RIN below {minimum:g}")
    judged = samples.assign(qc_pass=(reason == "").to_numpy(), qc_reason=reason)
    # A plate-map query already stands for each disputed tube.
    failing = judged[~judged["qc_pass"] & (judged["qc_reason"] != "plate map and chip disagree")]
    queries.add(
        "sample_failed",
        failing,
        field="sample_id",
        value=failing["qc_reason"],
        expected="a sample that passes",
        action="sample not used",
        severity="note",
    )
    return judged


def attach_visits(samples: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Give every sample the day, and where it has none the visit, of the visit it belongs to.

    A sample without a visit label belongs to the visit of the same patient on the same day.
    """
    samples = samples.copy()
    if "visit" not in samples:
        by_day = visits.dropna(subset=["day"])[["patient_id", "day", "visit"]]
        samples = samples.merge(by_day, on=["patient_id", "day"], how="left", validate="many_to_one")
    elif samples["day"].isna().any():
        first = visits.drop_duplicates(["patient_id", "visit"]).set_index(["patient_id", "visit"])["day"]
        key = pd.MultiIndex.from_frame(samples[["patient_id", "visit"]])
        samples["day"] = samples["day"].fillna(pd.Series(first.reindex(key).to_numpy(), index=samples.index))
    return samples
