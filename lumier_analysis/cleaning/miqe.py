"""What plan and exports tell about the items of MIQE."""

from __future__ import annotations

import pandas as pd

from lumier_analysis.cleaning.qpcr_quality import QpcrQuality, Run
from lumier_analysis.qpcr import miqe_table
from lumier_analysis.study.plan import Plan


def miqe(run: Run, quality: QpcrQuality, plan: Plan) -> pd.DataFrame:
    """Fill the MIQE table from plan and exports; see `miqe_table`.

    Parameters
    ----------
    run, quality
        Of the qPCR run.
    plan : Plan
        `qpcr.miqe` holds what a laboratory alone can tell.
    """
    qpcr, chips = plan.qpcr, run.raw["chip"].nunique()
    references = run.references
    known = {
        "assays": f"{len(plan.panel.genes)} genes of the panel (`panel`), {len(references.genes)} reference genes",
        "plate": f"{chips} chips, {len(run.raw):,} reactions",
        "limit_of_detection": f"Ct {qpcr.limit_of_detection:g} (`qpcr.limit_of_detection`)",
        "cq_method": "Ct as exported, with the instrument's quality call; the settings stand in the exports' headers",
        "outliers": f"no reaction is left out but those the instrument does not trust; a sample fails with more than "
        f"{100 * qpcr.maximum_missing_fraction:g} % of them",
        "normalisation": f"{', '.join(references.genes)}; rule {references.rule}; mean Ct"
        + (f"; geNorm M {references.table['m'].min():.2f} to {references.table['m'].max():.2f}, "
           f"V({references.pairwise_variation.index[-1]}) {references.pairwise_variation.iloc[-1]:.2f}"
           if len(references.pairwise_variation) else ""),
    }  # fmt: skip
    share = 100 * float(quality.assays["not_detected"].sum() / quality.assays["reactions"].sum())
    treated = "censored at the limit" if qpcr.not_detected == "limit" else f"imputed {qpcr.imputations} times (Tobit)"
    known["not_detected"] = f"{share:.1f} % of reactions of samples; {treated}"
    controls = quality.no_template["passes"].dropna().astype(bool)
    if len(controls):
        seen = int(quality.no_template["detected"].gt(0).sum())
        known["no_template_control"] = (
            f"detected in {seen} of {len(controls)} assays on chips; {int((~controls).sum())} less than "
            f"{qpcr.control_margin:g} cycles after the latest sample"
        )
    if qpcr.genomic_dna_assay and "gdna_flagged" in quality.samples:
        known["genomic_dna"] = f"assay {qpcr.genomic_dna_assay} in every sample"
    if qpcr.minimum_rin is not None:
        known["rna_integrity"] = f"samples with RIN below {qpcr.minimum_rin:g} are not used (`qpcr.minimum_rin`)"
    if run.calibration is not None:
        shift = quality.drift.chips["calibrator_shift"]
        known["inter_plate_calibrator"] = f"{qpcr.calibrator}: median shift {shift.min():+.2f} to {shift.max():+.2f} Ct"
        known["reproducibility"] = f"SD between chips {shift.std(ddof=1):.2f} Ct before calibration" * (len(shift) > 1)
    if "sd" in quality.assays and quality.assays["sd"].notna().any():
        sd = quality.assays["sd"]
        known["repeatability"] = f"SD of a Ct {sd.median():.2f} (median of assays), at most {sd.max():.2f}"
    copies = run.own[run.own["sample"].ne("")].groupby(["chip", "sample", "assay"]).size()
    most, least = int(copies.max()), int(copies.min())
    known["replicates"] = (
        f"{least} to {most} reactions a sample and assay"
        if most > least
        else ("samples measured once" if most == 1 else f"{most} reactions a sample and assay")
    )
    if len(run.curves):
        e = run.curves.loc[run.curves["usable"], "efficiency"]
        used = "used" if run.efficiencies is not None else "not used: a doubling each cycle"
        known["efficiency"] = f"{e.min():.2f} to {e.max():.2f} from standard curves ({used})"
    else:
        known["efficiency"] = "no standards in the exports; a doubling each cycle is taken"
    return miqe_table(known, qpcr.miqe)
