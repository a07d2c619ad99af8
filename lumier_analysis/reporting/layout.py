"""The sections of the report, in order: which numbers and figures belong to each, and the words around them."""

from __future__ import annotations

from dataclasses import dataclass

from lumier_analysis.study.names import capital, display_name


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table of the report: ids below `prefix`, what its rows count, decimals; `pivot`: ``prefix.row.column``."""

    prefix: str
    caption: str
    rows: str = "landmarks"
    digits: int = 3
    pivot: bool = False


@dataclass(frozen=True, slots=True)
class SectionSpec:
    """A section of the report."""

    id: str
    title: str
    lead: str
    absent: str
    tables: tuple[TableSpec, ...] = ()
    figures: tuple[str, ...] = ()


SECTIONS = (
    SectionSpec(
        "flow",
        "Participants and landmarks",
        "A landmark is a scheduled visit at which the patient is under observation, quiescent, and has a sample that "
        "passes quality control. Patients and visits are counted apart.",
        "The participant flow has not been computed yet.",
        (),
        ("flow*", "participant*"),
    ),
    SectionSpec(
        "quality",
        "Data quality",
        "Queries found by the rules of data cleaning; each is listed for its centre in the study's own folder, not "
        "here.",
        "No query counts are in the ledger.",
        (TableSpec("quality", "Queries and reaction quality", rows="rows"),),
        ("quality*", "missing*", "chip*", "quer*"),
    ),
    SectionSpec(
        "derivation",
        "Internal validation, test cohort",
        "Discrimination on the cohort the signature was derived from. Models that learn from data are judged by nested "
        "cross-validation with whole patients left out.",
        "There is no derivation result in the ledger.",
        (TableSpec("derivation", "Scores and markers on the test cohort"),),
        ("derivation*", "nested*", "selection*"),
    ),
    SectionSpec(
        "validation",
        "Locked validation, validation cohort",
        "The signature was locked before these data were used. Intervals account for several landmarks of one patient.",
        "There is no validation result in the ledger: no validation cohort, or notebook 03 has not run.",
        (
            TableSpec("validation.primary", "Primary analysis"),
            TableSpec("validation.secondary", "Second opinion; within and between visits and patients"),
            TableSpec("validation.visit", "Each landmark visit alone"),
            TableSpec("validation.comparators", "Single markers"),
            TableSpec("validation.difference", "Locked score minus single marker, difference in AUC"),
            TableSpec("validation.imputed", "Single markers, imputed where missing"),
            TableSpec("validation.clinical_model", "The clinical model, and what each adds to the other"),
            TableSpec("validation.classification", "Classification at the locked threshold"),
            TableSpec("validation.calibration", "Calibration of the locked risk"),
            TableSpec("validation.net_benefit", "Net benefit of the locked risk"),
            TableSpec("validation.time_to_flare", "First flare after inclusion", rows="patients"),
            TableSpec("validation.precision", "What a sample of this size can show"),
            TableSpec("validation.unscored", "Landmarks without a score"),
        ),
        ("roc*", "validation_auc*", "comparator*", "calibration*", "validation_decision*", "validation_risk*"),
    ),
    SectionSpec(
        "validation_parts",
        "Validation by centre, subgroup and case mix",
        "Parts of the validation cohort are small: their intervals overlap widely, and no part is singled out.",
        "There is no validation result in the ledger.",
        (
            TableSpec("validation.centres", "Centres, small ones merged by the plan's rule"),
            TableSpec("validation.subgroups", "Subgroups, and one kind of flare at a time"),
            TableSpec("validation.case_mix", "Case mix of the two cohorts"),
            TableSpec("validation.incomplete", "Windows that were not seen to their end"),
            TableSpec("validation", "Further numbers of the validation"),
        ),
        ("validation_centres*", "validation_subgroups*", "validation*"),
    ),
    SectionSpec(
        "sensitivity",
        "Sensitivity to the landmark rules",
        "One rule of the plan is changed at a time; patients, landmarks and events show what the rule moves.",
        "No sensitivity analysis is in the ledger.",
        (
            TableSpec("sensitivity.validation", "Locked score, validation cohort"),
            TableSpec("sensitivity.test", "Pre-specified score, test cohort"),
            TableSpec("sensitivity.counts", "Landmarks, patients and flares under each rule", pivot=True),
            TableSpec("sensitivity", "Landmark rules, one at a time"),
        ),
        ("sensitivity_validation*", "sensitivity*"),
    ),
    SectionSpec(
        "longitudinal",
        "The score over time",
        "Linear mixed models with patients as random effects. Groups formed by what happens later are descriptive, "
        "not predictive.",
        "No longitudinal result is in the ledger.",
        (
            TableSpec("longitudinal.coef", "Score over time, fixed effects", rows="visits"),
            TableSpec("longitudinal.drift", "Change per month under other assumptions", rows="visits", digits=4),
            TableSpec("longitudinal.type_three", "Type III tests, model for repeated measures", rows="visits"),
            TableSpec("longitudinal.means", "Marginal means by visit", rows="visits"),
            TableSpec("longitudinal.icc", "Share of the variance", rows="visits"),
            TableSpec("longitudinal.correlation", "Correlation within patients", rows="visits"),
            TableSpec("longitudinal", "Further longitudinal estimates", rows="visits"),
        ),
        ("longitudinal_courses*", "trajector*", "longitudinal_diagnostics*"),
    ),
    SectionSpec(
        "flare",
        "The score around a flare",
        "The first flare is day 0. Who flares is known only later: nothing here predicts. What is done about a flare "
        "changes the score, so one month after is confounded by treatment.",
        "No sample lies near a flare.",
        (
            TableSpec("around_flare.counts", "Samples around the first flare", pivot=True),
            TableSpec("around_flare.means", "Marginal means around the flare", rows="samples"),
            TableSpec("around_flare.contrasts", "Contrasts within patients, Holm-corrected", rows="samples"),
            TableSpec("around_flare.slope", "Slope before a flare, and without one", rows="samples"),
            TableSpec("around_flare.panel", "Every module, flare minus last sample before", rows="samples"),
            TableSpec("around_flare", "The last sample before a flare", rows="samples"),
        ),
        ("longitudinal_flare*", "longitudinal_modules*", "longitudinal_volcano*", "longitudinal*"),
    ),
)

CAPTIONS = {
    "flow": "Participant flow",
    "missingness": "Missing values by variable and visit. Grey: the share rests on a small count and is withheld",
    "chips": "Reactions by chip. A reaction that is not detected is censored, one that is not trusted is missing",
    "chip_drift": "Calibrator and reference genes of each chip, in the order of the runs",
    "chip_levels": "Level of the samples of each chip before and after calibration and normalisation",
    "chip_reference_genes": "Stability of the reference genes, and what one more of them would change",
    "queries_by_centre": "Queries by centre. A small count is marked, not drawn",
    "derivation": "AUC of scores and markers with 95 % CI, test cohort",
    "roc": "ROC curve of the locked score, validation cohort",
    "calibration": "Calibration of the locked risk, validation cohort. Vertical lines: 95 % CI",
    "comparators": "AUC of the locked score and of single markers with 95 % CI, validation cohort",
    "validation_auc": "AUC of the locked score at each visit, within and between patients, with 95 % CI",
    "validation_decision_curve": "Net benefit of treating by the locked risk, validation cohort",
    "validation_risk_groups": "Time to the first flare by risk group at inclusion, validation cohort",
    "validation_centres": "AUC of the locked score by centre with 95 % CI, validation cohort",
    "validation_subgroups": "AUC of the locked score in subgroups with 95 % CI, validation cohort",
    "sensitivity_validation": "AUC of the locked score under each landmark rule with 95 % CI, validation cohort",
    "sensitivity_test": "AUC of the pre-specified score under each landmark rule with 95 % CI, test cohort",
    "trajectories": "Means of the score by visit with 95 % CI; below, the number of patients",
    "longitudinal_courses": "Median, quartiles and deciles of the score by visit",
    "longitudinal_diagnostics": "Diagnostics of the model of the score over time; marks are means over patients",
    "longitudinal_flare": "Means of the score around the first flare with 95 % CI",
    "longitudinal_modules": "Means of the modules around the first flare",
    "longitudinal_volcano": "Genes, flare against the last sample before it",
}

#: Figure -> its analysis of the plan.
PLAN_ITEMS = {
    "flow": "flow",
    "missingness": "data_quality",
    "chips": "data_quality",
    "chip_drift": "data_quality",
    "chip_levels": "data_quality",
    "chip_reference_genes": "data_quality",
    "queries_by_centre": "data_quality",
    "derivation": "derivation",
    "derivation_instability": "derivation",
    "roc": "primary",
    "calibration": "calibration",
    "comparators": "comparators",
    "validation_auc": "secondary_auc",
    "validation_decision_curve": "net_benefit",
    "validation_risk_groups": "time_to_flare",
    "validation_centres": "centres",
    "validation_subgroups": "subgroups",
    "sensitivity_validation": "sensitivity",
    "sensitivity_test": "sensitivity",
    "trajectories": "longitudinal",
    "longitudinal_courses": "longitudinal",
    "longitudinal_diagnostics": "longitudinal",
    "longitudinal_flare": "flare_aligned",
    "longitudinal_modules": "panel",
    "longitudinal_volcano": "panel",
}


def caption(name: str) -> str:
    """Return the caption of a figure, made from its file name where none is written."""
    return CAPTIONS.get(name, capital(display_name(name)))
