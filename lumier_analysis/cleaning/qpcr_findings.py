"""What was found on a qPCR run, in one table, and what was done about each."""

from __future__ import annotations

import pandas as pd

from lumier_analysis.cleaning.qpcr_quality import QpcrQuality, Run
from lumier_analysis.qpcr import PrincipalComponents
from lumier_analysis.study.plan import Plan


def findings(
    quality: QpcrQuality, run: Run, plan: Plan, failed: pd.Series, components: PrincipalComponents | None
) -> pd.DataFrame:
    """Count what was found and say what was done about each.

    Parameters
    ----------
    quality, run, plan
        What `qpcr_quality` gave, and was given.
    components : PrincipalComponents or None
        Of the samples that pass.
    failed : Series of str
        Why a sample fails.

    Returns
    -------
    DataFrame
        Index finding: n, of, unit, limit, done.
    """
    qpcr = plan.qpcr
    named = run.adjusted[run.adjusted["sample"].ne("") & run.adjusted["state"].eq("detected")]
    keys = ["chip", "sample", "assay"]
    pairs = len(named.loc[named.duplicated(keys), keys].drop_duplicates())
    passes = quality.no_template["passes"]
    drift = quality.drift.chips
    flags, gdna = quality.assays["flag"], quality.samples.get("gdna_flagged", pd.Series(dtype=bool))
    cells = run.calibration.borrowed.size if run.calibration is not None else 0
    borrowed = int(run.calibration.borrowed.to_numpy().sum()) if run.calibration is not None else 0
    outliers = 0 if components is None else int((components.samples["outlier"] != "").sum())
    compared = 0 if components is None else len(components.scores)
    share = f"{100 * qpcr.maximum_missing_fraction:g} % untrusted"
    rows: list[tuple[str, int, int, str, str, str]] = [
        ("Replicates that lie apart", len(quality.replicates), pairs, "sets of replicates",
         f"{qpcr.maximum_replicate_spread:g} cycles", "flagged; their mean is used"),
        ("No-template controls too early", int((~passes.dropna().astype(bool)).sum()), int(passes.notna().sum()),
         "assays on chips", f"{qpcr.control_margin:g} cycles after the latest sample", "flagged"),
        ("Genomic DNA", int(gdna.sum()), len(gdna), "samples",
         f"an assay less than {qpcr.control_margin:g} cycles earlier", "flagged"),
        ("Chips whose calibrator is off", int(drift["flagged"].fillna(False).sum()),
         int(drift["flagged"].notna().sum()), "chips",
         f"{qpcr.maximum_chip_shift:g} cycles", "flagged; taken out by calibration"),
        ("Calibrator not detected", borrowed, cells, "assays on chips", "none", "the chip's median shift is used"),
        ("Assays lost on a chip", len(quality.lost), len(run.own[["chip", "assay"]].drop_duplicates()),
         "assays on chips", "half of its reactions", "flagged"),
        ("Assays seldom detected", int(flags.str.contains("seldom").sum()), len(flags), "assays",
         "half of samples", "flagged; censored at the limit"),
        ("Assays often untrusted", int(flags.str.contains("untrusted").sum()), len(flags), "assays",
         "10 % of reactions", "flagged; missing where untrusted"),
        ("Samples with too many untrusted reactions", int((failed == "too many untrusted reactions").sum()),
         len(failed), "samples", share, "not used"),
        ("Samples with few genes detected", int(quality.samples["flag"].str.contains("few genes").sum()),
         len(quality.samples), "samples", "4 robust SD", "flagged"),
        ("Samples apart in the principal components", outliers, compared, "samples",
         "probability 0.001", "flagged; kept"),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["finding", "n", "of", "unit", "limit", "done"]).set_index("finding")
    return table[table["of"] > 0]
