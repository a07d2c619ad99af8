"""Reference genes against the clinic: do they follow the score, treatment, time, centre or cohort?"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from lumier_analysis.cleaning.measured import Measured
from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import associate, independent_score, reference_residuals
from lumier_analysis.study.plan import Plan


def reference_associations(
    measured: Measured, tables: Mapping[str, Mapping[str, pd.DataFrame]], plan: Plan
) -> pd.DataFrame:
    """Test the reference genes, each relative to the others, against what they must not follow.

    Parameters
    ----------
    measured : Measured
    tables : mapping
        ``tables[cohort]["samples" | "visits" | "patients"]``, as `clean_study` makes them.
    plan : Plan

    Returns
    -------
    DataFrame
        See `associate`; patients are the clusters. Covariates: the score named "interferon" in the plan (else the
        primary one), prednisone, day, centre, cohort, as far as the study has them. Samples that pass alone. Cohorts
        are measured on chips of their own, so a chip's own error looks like a difference between cohorts: there chips
        are the clusters.

    Raises
    ------
    AnalysisError
        Fewer than two reference genes were measured.
    """
    if measured.reference_log2 is None or measured.reference_log2.shape[1] < 2:
        raise AnalysisError("Reference genes can be judged by each other alone: two are needed", found="fewer than two")
    parts = []
    for cohort, own in tables.items():
        if cohort == "controls":
            continue
        rows = own["samples"].drop_duplicates("sample_id")
        if "visits" not in own:
            # Sealed: of this cohort the tubes alone are known.
            parts.append(rows.assign(cohort=cohort))
            continue
        who = own["patients"].drop_duplicates("patient_id")[["patient_id", "centre"]]
        visits = own["visits"].drop_duplicates(["patient_id", "visit"])
        doses = visits[["patient_id", "visit", *[c for c in ("prednisone",) if c in visits]]]
        rows = rows.merge(who, on="patient_id", how="left")
        parts.append(rows.merge(doses, on=["patient_id", "visit"], how="left").assign(cohort=cohort))
    samples = pd.concat(parts, ignore_index=True).drop_duplicates("sample_id").set_index("sample_id")
    passing = measured.failed.index[measured.failed.eq("")]
    samples = samples[samples.index.isin(passing)]
    panel, name = plan.panel, "interferon" if "interferon" in plan.panel.scores else plan.panel.primary_score
    genes = [g for module in panel.scores[name] for g in panel.modules[module]]
    if name == "interferon":
        # Interferon-induced genes outside the modules are no yardstick for them either.
        genes = [*genes, *panel.other_genes]
    covariates = pd.DataFrame({f"{name} score": independent_score(measured.log2.loc[passing], genes)})
    covariates = covariates.reindex(samples.index)
    for column in ("prednisone", "day", "centre", "cohort"):
        if column in samples:
            text = column in ("centre", "cohort")
            covariates[column] = samples[column].astype("object" if text else "float64")
    values = reference_residuals(-measured.reference_log2.loc[samples.index])
    coarser = {} if measured.quality is None else {"cohort": measured.quality.samples["chip"]}
    return associate(values, covariates, samples["patient_id"], coarser=coarser)
