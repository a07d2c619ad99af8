"""Samples: their gene expression, their quality, and the visit each belongs to."""

from __future__ import annotations

import pandas as pd

from lumier_analysis.cleaning.measure_qpcr import measure_qpcr
from lumier_analysis.cleaning.measured import Measured
from lumier_analysis.cleaning.qpcr_quality import components_of
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.errors import RawDataError
from lumier_analysis.qpcr import choose_references, expression_from_probes
from lumier_analysis.readers import detect_scale, to_log2
from lumier_analysis.study.plan import Plan

__all__ = ["Measured", "attach_visits", "judge_samples", "measure_matrix", "measure_qpcr"]


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
    # Relative to their own mean, with that mean added: the reference genes as measured.
    candidates = expression_from_probes(
        log2, annotation, reference_genes=panel.reference_genes, genes=panel.reference_genes, floor=settings.floor
    )
    reference_log2 = candidates.log2.mask(candidates.censored).add(candidates.reference_ct, axis=0)
    failed = result.reason.astype("object")
    notes = {
        "arrays": expression.shape[1],
        "probes": expression.shape[0],
        "panel genes measured": result.log2.shape[1],
        "panel genes without usable probe": len(result.absent),
    }
    if settings.floor is not None:
        notes["panel probes on the detection floor, not used"] = int((floored > settings.maximum_floor_fraction).sum())
    return Measured(
        log2=result.log2,
        failed=failed,
        chips=pd.DataFrame(),
        notes=notes,
        references=choose_references(reference_log2[reference_log2.index.isin(test_samples)]),
        reference_log2=reference_log2,
        components=components_of(result.log2[(failed == "").to_numpy()]),
    )


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
