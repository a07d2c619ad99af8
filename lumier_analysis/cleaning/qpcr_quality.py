"""Quality of a qPCR run, gathered: reactions, assays, samples, chips, normalisation, and the error of the scores."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import (
    Calibration,
    Drift,
    Expression,
    PrincipalComponents,
    ReferenceChoice,
    assay_quality,
    chip_drift,
    composite,
    ct_variance,
    expected_below,
    fit_censored,
    fit_scaling,
    genomic_dna_rule,
    log2_units,
    lost_blocks,
    module_scores,
    no_template_rule,
    normalisation_effect,
    not_detected_effect,
    pooled_sd,
    principal_components,
    relative_levels,
    replicate_spread,
    sample_quality,
    score_errors,
    score_reliability,
)
from lumier_analysis.study.plan import Plan


@dataclass(frozen=True, eq=False)
class QpcrQuality:
    """What is known of the quality of a qPCR run; a table is empty where it does not apply.

    Attributes
    ----------
    findings : DataFrame
        Index finding: n, of, limit, done. What a reader needs first.
    replicates, no_template, lost : DataFrame
        See `replicate_spread`, `no_template_rule`, `lost_blocks`.
    assays : DataFrame
        See `assay_quality`; with the SD of a Ct (`pooled_sd`).
    samples : DataFrame
        See `sample_quality`; with gdna_ct, assays_at_risk, gdna_flagged. One row a sample: never for a report.
    drift : Drift
    normalisation, normalisation_by_chip : DataFrame
        See `normalisation_effect`.
    efficiency : DataFrame
        See `standard_curves`; used where the plan says so.
    not_detected : DataFrame
        See `not_detected_effect`.
    ct_variance, censored_variance : DataFrame
        Samples x assays, log2 units squared: what `score_errors` needs under a scaling of one's own.
    score_errors : DataFrame
        Samples x scores: standard errors, scaled by all samples of the test cohort that pass.
    reliability : DataFrame
        See `score_reliability`, over the same samples.
    notes : list of str
        What could not be computed, and why.
    """

    findings: pd.DataFrame
    replicates: pd.DataFrame
    no_template: pd.DataFrame
    lost: pd.DataFrame
    assays: pd.DataFrame
    samples: pd.DataFrame
    drift: Drift
    normalisation: pd.DataFrame
    normalisation_by_chip: pd.DataFrame
    efficiency: pd.DataFrame
    not_detected: pd.DataFrame = field(default_factory=pd.DataFrame)
    ct_variance: pd.DataFrame = field(default_factory=pd.DataFrame)
    censored_variance: pd.DataFrame = field(default_factory=pd.DataFrame)
    score_errors: pd.DataFrame = field(default_factory=pd.DataFrame)
    reliability: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Run:
    """A qPCR run on its way to expression: what `qpcr_quality` judges.

    Attributes
    ----------
    raw, adjusted, own : DataFrame
        Reactions as measured; calibrated; those of samples alone, calibrated.
    calibration : Calibration or None
    ct : DataFrame
        Samples x assays, mean calibrated Ct.
    expression : Expression
        With not-detected values at the limit.
    references : ReferenceChoice
    efficiencies : Series or None
        What the plan uses.
    curves : DataFrame
        Standard curves, empty where there are none.
    passing, reference : Index
        Samples that pass; those of the test cohort among them (all that pass, where there are none).
    controls : set of str
        Names that are no samples.
    """

    raw: pd.DataFrame
    adjusted: pd.DataFrame
    own: pd.DataFrame
    calibration: Calibration | None
    ct: pd.DataFrame
    expression: Expression
    references: ReferenceChoice
    efficiencies: pd.Series | None
    curves: pd.DataFrame
    passing: pd.Index
    reference: pd.Index
    controls: set[str]


def qpcr_quality(run: Run, plan: Plan) -> tuple[QpcrQuality, pd.DataFrame]:
    """Judge a run.

    Parameters
    ----------
    run : Run
    plan : Plan

    Returns
    -------
    quality : QpcrQuality
        Its `findings` are still empty: see `findings`.
    imputed : DataFrame
        Samples x genes: log2 expression with not-detected values imputed (the mean over imputations); that at the limit
        where nothing was censored.
    """
    qpcr, limit, notes = plan.qpcr, plan.qpcr.limit_of_detection, list[str]()
    replicates = replicate_spread(run.adjusted, limit=qpcr.maximum_replicate_spread, by_chip=True)
    no_template = no_template_rule(
        run.raw, no_template_control=qpcr.no_template_control, ignore=run.controls, margin=qpcr.control_margin
    )
    assays = assay_quality(run.own, limit_of_detection=limit)
    samples = sample_quality(run.own, limit_of_detection=limit, maximum_untrusted=qpcr.maximum_missing_fraction)
    if qpcr.genomic_dna_assay:
        genomic = genomic_dna_rule(
            run.raw,
            genomic_dna_assay=qpcr.genomic_dna_assay,
            limit_of_detection=limit,
            ignore=run.controls,
            margin=qpcr.control_margin,
        )
        samples = samples.join(genomic.rename(columns={"flagged": "gdna_flagged"}))
    drift = chip_drift(
        run.raw,
        run.calibration,
        reference_genes=run.references.genes,
        ignore=run.controls,
        limit=qpcr.maximum_chip_shift,
    )
    lost = lost_blocks(run.own, limit_of_detection=limit)
    summary, by_chip = _normalisation(run, plan)
    error, errors, reliability, below = (pd.DataFrame() for _ in range(4))
    moved, imputed = pd.DataFrame(), run.expression.log2
    if run.expression.censored.to_numpy().any():
        try:
            below, moved, imputed = _below(run, plan)
        except AnalysisError as problem:
            notes.append(f"values below detection not imputed: {problem.message}")
    try:
        sd = pooled_sd(run.adjusted)
        assays = assays.join(sd.rename(columns={"df": "sd_df", "borrowed": "sd_borrowed"}))
        error, errors, reliability = _errors(run, plan, sd["sd_used"], below)
    except AnalysisError as problem:
        notes.append(f"error of the scores not computed: {problem.message}")
    quality = QpcrQuality(
        findings=pd.DataFrame(),
        replicates=replicates,
        no_template=no_template,
        lost=lost,
        assays=assays,
        samples=samples,
        drift=drift,
        normalisation=summary,
        normalisation_by_chip=by_chip,
        efficiency=run.curves,
        not_detected=moved,
        ct_variance=error,
        censored_variance=below,
        score_errors=errors,
        reliability=reliability,
        notes=notes,
    )
    return quality, imputed


def _normalisation(run: Run, plan: Plan) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare samples and chips as measured, calibrated, normalised; late is up in all three.

    The genes of the primary score are left out where ten others remain: they are made to differ between patients, and
    in an interferon panel they are more than half, so that the median gene would be one of them.
    """
    scored = {g for m in plan.panel.scores[plan.panel.primary_score] for g in plan.panel.modules[m]}
    all_genes = [g for g in plan.panel.genes if g in run.ct.columns]
    others = [g for g in all_genes if g not in scored | set(plan.panel.other_genes)]
    panel = others if len(others) >= 10 else all_genes
    own = run.raw["sample"].isin(run.passing) & run.raw["assay"].isin(panel) & run.raw["state"].eq("detected")
    part = run.raw.loc[own, ["sample", "assay", "ct"]]
    measured = part.groupby(["sample", "assay"])["ct"].mean().unstack("assay")  # noqa: PD010 (a Series)
    detected = run.ct[panel].mask(run.expression.censored[panel])
    steps = {"measured": relative_levels(measured.reindex(run.passing))}
    if run.calibration is not None:
        steps["calibrated"] = relative_levels(detected.loc[run.passing])
    normalised = run.expression.log2.mask(run.expression.censored).loc[run.passing, panel]
    steps["normalised"] = relative_levels(-normalised)
    chips = run.own.drop_duplicates("sample").set_index("sample")["chip"]
    return normalisation_effect(pd.DataFrame(steps), chips)


def _below(run: Run, plan: Plan) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return variances below the limit, how much scores move, and the imputed values; fitted on the test cohort."""
    log2, censored = run.expression.log2, run.expression.censored
    fit = fit_censored(log2.loc[run.reference], censored.loc[run.reference])
    _, variance = expected_below(log2, censored, fit)
    moved, imputed = not_detected_effect(
        log2,
        censored,
        fit,
        plan.panel.modules,
        reference=run.reference,
        imputations=plan.qpcr.imputations,
        seed=plan.study.seed,
    )
    return variance, moved, imputed


def _errors(
    run: Run, plan: Plan, sd: pd.Series, below: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return error variances, standard errors of scores, and their reliability."""
    calibrator = plan.qpcr.calibrator if run.calibration is not None else None
    others = run.controls - {calibrator}
    used = run.adjusted[~run.adjusted["sample"].isin(others)]
    variance = ct_variance(used, sd, calibration=run.calibration, calibrator=calibrator)
    variance = variance.mul(log2_units(run.efficiencies, variance.columns) ** 2, axis=1)
    log2, references = run.expression.log2, run.references.genes
    scaling = fit_scaling(log2.loc[run.reference], source="samples of the test cohort that pass")
    errors = score_errors(
        log2.loc[run.passing],
        variance,
        plan.panel.modules,
        scaling,
        reference_genes=references,
        usable_references=run.ct[references].notna() & run.ct[references].lt(plan.qpcr.limit_of_detection),
        scores=plan.panel.scores,
        censored_variance=below if len(below) else None,
    )
    scores = module_scores(log2.loc[run.passing], plan.panel.modules, scaling)
    scores = scores.join(composite(scores, plan.panel.scores))
    return variance, errors, score_reliability(scores.loc[run.reference], errors.loc[run.reference])


def components_of(log2: pd.DataFrame) -> PrincipalComponents | None:
    """Return the principal components of samples, or None where there are too few."""
    try:
        return principal_components(log2)
    except AnalysisError:
        return None
