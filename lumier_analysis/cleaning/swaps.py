"""Sample swaps that sex genes give away: a tube whose XIST and Y-linked genes contradict the patient's recorded sex.

XIST is expressed from the inactive X of women alone, RPS4Y1, KDM5D, EIF1AY and others from the Y of men: their
difference within a sample needs no normalisation. About half of public expression studies hold such a mix-up (Toker L,
Feng M, Pavlidis P. F1000Research 2016;5:2103).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.errors import PlanError
from lumier_analysis.study.sections import SexGenes

#: So many samples of each recorded sex place the middle between them; with fewer it is 0, where both sexes' genes meet.
_MIN_PER_SEX = 5
#: A sample is called only where it is further from the middle than this share of the distance between the sexes.
_UNCLEAR = 0.2
#: Distance between the sexes (log2) below which the genes tell nothing.
_MIN_DISTANCE = 2.0
FAILED = "sex genes contradict the recorded sex"


def levels_from_reactions(reactions: pd.DataFrame, genes: list[str], limit_of_detection: float) -> pd.DataFrame:
    """Return -Ct of some genes, samples x genes; not detected counts as the limit, untrusted is missing."""
    own = reactions[reactions["assay"].isin(genes) & (reactions["state"] != "untrusted") & (reactions["sample"] != "")]
    ct = own["ct"].mask(own["state"] == "not detected", limit_of_detection).clip(upper=limit_of_detection)
    return -own.assign(ct=ct.astype(float)).pivot_table(index="sample", columns="assay", values="ct", aggfunc="median")


def levels_from_probes(log2: pd.DataFrame, annotation: pd.DataFrame, genes: list[str]) -> pd.DataFrame:
    """Return the mean log2 of each gene's probes, samples x genes."""
    own = annotation[annotation["gene"].isin(genes) & annotation["probe"].isin(log2.index)]
    return log2.loc[own["probe"]].groupby(own["gene"].to_numpy()).mean().T


def sex_score(levels: pd.DataFrame, genes: SexGenes, reference: list[str]) -> pd.Series:
    """Return how female a sample's expression is, in log2.

    Parameters
    ----------
    levels : DataFrame, shape (n_samples, n_genes)
        log2, higher is more RNA.
    genes : SexGenes
        Of the plan. Where genes of one sex alone are measured, the reference genes stand for the other.
    reference : list of str
        Reference genes.

    Returns
    -------
    Series
        Mean of the female genes less mean of the male ones; missing where a side is.

    Raises
    ------
    PlanError
        None of the sex genes is measured.
    """
    female = [g for g in genes.female if g in levels]
    male = [g for g in genes.male if g in levels]
    if not female and not male:
        raise PlanError(
            "The data hold none of the genes of panel.sex_genes",
            found=f"no {', '.join([*genes.female, *genes.male])}",
            fix="correct or remove panel.sex_genes in the plan",
        )
    stand_in = levels[[g for g in reference if g in levels]].mean(axis=1)
    up = levels[female].mean(axis=1) if female else stand_in
    down = levels[male].mean(axis=1) if male else stand_in
    return up - down


def called_sex(score: pd.Series, recorded: pd.Series, *, both_kinds: bool) -> pd.Series:
    """Call the sex of each sample from its score.

    Parameters
    ----------
    score : Series
        From `sex_score`.
    recorded : Series, same index
        "female" or "male"; missing where unknown.
    both_kinds : bool
        Whether female and male genes were measured, so that the score changes sign between the sexes.

    Returns
    -------
    Series of str
        "female", "male", or "" where unclear. All unclear where the genes do not part the recorded sexes: a panel that
        tells nothing must accuse no one.
    """
    medians = score.groupby(recorded).median()
    counts = score.notna().groupby(recorded).sum()
    none = pd.Series("", index=score.index)
    if min(counts.get("female", 0), counts.get("male", 0)) >= _MIN_PER_SEX:
        distance = float(medians["female"] - medians["male"])
        middle = float(medians["female"] + medians["male"]) / 2
    elif both_kinds:
        middle, distance = 0.0, 2 * float(score.abs().median())
    else:
        return none
    if not np.isfinite(distance) or distance < _MIN_DISTANCE:
        return none
    margin = _UNCLEAR * distance
    return none.mask(score > middle + margin, "female").mask(score < middle - margin, "male")


def query_swaps(
    samples: pd.DataFrame, patients: pd.DataFrame, score: pd.Series, genes: SexGenes, queries: Queries
) -> pd.DataFrame:
    """Query samples whose sex genes contradict the record; by the plan, those that may be another patient's fail.

    Where all samples of a patient (two or more) contradict, the recorded sex is the likelier slip: they stay in use.

    Parameters
    ----------
    samples : DataFrame
        sample_id, patient_id, qc_pass, qc_reason.
    patients : DataFrame
        patient_id, sex.
    score : Series
        Indexed by sample.
    genes : SexGenes
        Of the plan; ``mismatch`` says whether a tube that may be another patient's is used until the answer comes.

    Returns
    -------
    DataFrame
        The samples; with ``mismatch: exclude``, ``qc_pass`` is False for such tubes.
    """
    sex = samples["patient_id"].map(patients.drop_duplicates("patient_id").set_index("patient_id")["sex"])
    own = samples["sample_id"].map(score)
    called = called_sex(own, sex.astype(object), both_kinds=bool(genes.female and genes.male))
    clear = (called != "") & sex.notna()
    against = clear & (called != sex.astype(object))
    by_patient = against.groupby(samples["patient_id"])
    n_clear = clear.groupby(samples["patient_id"]).transform("sum")
    all_of_them = (by_patient.transform("sum") == n_clear) & (n_clear >= 2)
    exclude = genes.mismatch == "exclude"
    tube = "sample not used" if exclude else "sample used until this is answered"
    for record, action in ((True, "recorded sex to be checked; samples used"), (False, tube)):
        rows = samples[against & (all_of_them == record)]
        queries.add(
            "sex_mismatch",
            rows,
            field="sex" if record else "sample_id",
            value="sex genes say " + called[rows.index],
            expected=sex[rows.index].astype("str") + ", as recorded",
            action=action,
        )
    swapped = against & ~all_of_them & exclude
    return samples.assign(
        qc_pass=samples["qc_pass"] & ~swapped,
        qc_reason=samples["qc_reason"].mask(swapped & samples["qc_pass"], FAILED),
    )
