"""Controls: no-template controls, and the assay that sees genomic DNA alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr.reactions import check_reactions


def control_summary(
    reactions: pd.DataFrame, *, no_template_control: str = "NTC", genomic_dna_assay: str | None = None
) -> pd.DataFrame:
    """Summarise no-template controls and the genomic DNA assay, chip by chip.

    Parameters
    ----------
    reactions : DataFrame
        sample, assay, ct, state, chip; sample_type where there is one.
    no_template_control : str
        Its sample name, or sample type.
    genomic_dna_assay : str, optional
        Name of the assay that sees genomic DNA alone.

    Returns
    -------
    DataFrame
        Per chip: ntc_reactions, ntc_detected, ntc_minimum_ct (cycles; NaN where nothing was detected), ntc_worst_assay,
        and, given an assay, gdna_reactions, gdna_detected, gdna_minimum_ct, gdna_worst_sample (controls left out).
    """
    check_reactions(reactions)
    ntc = is_control(reactions, no_template_control)
    summary = _lowest(reactions[ntc], reactions["chip"].unique(), "ntc", "assay")
    if genomic_dna_assay is not None:
        gdna = reactions[reactions["assay"].eq(genomic_dna_assay) & ~ntc & reactions["sample"].ne("")]
        if not len(gdna):
            raise AnalysisError(
                f"No reaction belongs to the genomic DNA assay {genomic_dna_assay}",
                fix="correct `qpcr.genomic_dna_assay` in the plan, or leave it out",
            )
        summary = summary.join(_lowest(gdna, reactions["chip"].unique(), "gdna", "sample"))
    return summary


def is_control(reactions: pd.DataFrame, no_template_control: str) -> pd.Series:
    """Return which reactions are no-template controls, by sample name or sample type."""
    mask = reactions["sample"].eq(no_template_control)
    if "sample_type" in reactions:
        mask |= reactions["sample_type"].eq(no_template_control)
    return mask


def _lowest(part: pd.DataFrame, chips: np.ndarray, prefix: str, worst: str) -> pd.DataFrame:
    """Count the reactions of every chip and name the earliest detected one (a lower Ct is more template)."""
    chips_index = pd.Index(chips, name="chip")
    detected = part[part["state"].eq("detected")]
    first = detected.sort_values("ct", kind="stable").drop_duplicates("chip").set_index("chip")
    return pd.DataFrame(
        {
            f"{prefix}_reactions": part.groupby("chip").size().reindex(chips_index, fill_value=0),
            f"{prefix}_detected": detected.groupby("chip").size().reindex(chips_index, fill_value=0),
            f"{prefix}_minimum_ct": first["ct"].reindex(chips_index),
            f"{prefix}_worst_{worst}": first[worst].reindex(chips_index).fillna(""),
        }
    )


def no_template_rule(
    reactions: pd.DataFrame,
    *,
    no_template_control: str = "NTC",
    ignore: frozenset[str] | set[str] = frozenset(),
    margin: float = 5.0,
) -> pd.DataFrame:
    """Judge the no-template controls, assay by assay on every chip.

    An assay passes on a chip where none of its no-template controls was detected, or where the earliest of them came at
    least `margin` cycles after the latest detected sample (a 2**5 = 32-fold distance).

    Parameters
    ----------
    reactions : DataFrame
        As measured (not calibrated): sample, assay, ct, state, chip; sample_type where there is one.
    no_template_control : str
        Its sample name, or sample type.
    ignore : set of str
        Names that are no samples, such as the calibrator.
    margin : float
        Cycles.

    Returns
    -------
    DataFrame
        One row a chip and assay that has a control: chip, assay, controls (trusted ones), detected, untrusted,
        earliest_control (cycles), latest_sample (cycles), margin (their distance; NaN where none was detected),
        passes (NA where no control is trusted).
    """
    check_reactions(reactions)
    keys = ["chip", "assay"]
    control = is_control(reactions, no_template_control)
    own = reactions.loc[control, [*keys, "ct", "state"]]
    by = own.groupby(keys, sort=True)
    detected = own["state"].eq("detected")
    table = pd.DataFrame(
        {
            "controls": own["state"].ne("untrusted").groupby([own["chip"], own["assay"]]).sum(),
            "detected": detected.groupby([own["chip"], own["assay"]]).sum(),
            "untrusted": own["state"].eq("untrusted").groupby([own["chip"], own["assay"]]).sum(),
            "earliest_control": own[detected].groupby(keys)["ct"].min().reindex(by.size().index),
        }
    )
    measured = ~control & reactions["sample"].ne("") & ~reactions["sample"].isin(ignore)
    seen = reactions.loc[measured & reactions["state"].eq("detected"), [*keys, "ct"]]
    table["latest_sample"] = seen.groupby(keys)["ct"].max().reindex(table.index)
    table["margin"] = table["earliest_control"] - table["latest_sample"]
    # A control that is detected where no sample is has nothing to be distant from: it fails.
    passes = table["detected"].eq(0) | table["margin"].ge(margin)
    table["passes"] = passes.astype("boolean").mask(table["controls"].eq(0), pd.NA)
    return table.reset_index()


def genomic_dna_rule(
    reactions: pd.DataFrame,
    *,
    genomic_dna_assay: str,
    limit_of_detection: float,
    ignore: frozenset[str] | set[str] = frozenset(),
    margin: float = 5.0,
) -> pd.DataFrame:
    """Say in which samples genomic DNA was seen, and how many of their assays it may have reached.

    Parameters
    ----------
    reactions : DataFrame
        sample, assay, ct, state, chip.
    genomic_dna_assay : str
        The assay of a place of the genome that is not transcribed.
    limit_of_detection : float
        Cycles; a later Ct is not detected.
    ignore : set of str
        Names that are no samples: calibrator, no-template control.
    margin : float
        Cycles. Were the genomic copies amplified by an assay as they are by the genomic assay, they would make up at
        most 2**-margin (3 % at 5 cycles) of a signal that is earlier by `margin`; assays that are not are at risk
        (Laurell 2012, Nucleic Acids Res 40:e51).

    Returns
    -------
    DataFrame
        Index sample: gdna_ct (the earliest detected; NaN where none is), assays_at_risk, flagged (one or more).
    """
    check_reactions(reactions)
    own = reactions[reactions["sample"].ne("") & ~reactions["sample"].isin(ignore)]
    is_gdna = own["assay"].eq(genomic_dna_assay)
    if not is_gdna.any():
        raise AnalysisError(
            f"No reaction belongs to the genomic DNA assay {genomic_dna_assay}",
            fix="correct `qpcr.genomic_dna_assay` in the plan, or leave it out",
        )
    seen = own["state"].eq("detected") & own["ct"].le(limit_of_detection)
    samples = pd.Index(own["sample"].unique(), name="sample")
    gdna_ct = own[seen & is_gdna].groupby("sample")["ct"].min().reindex(samples)
    targets = own.loc[seen & ~is_gdna, ["sample", "assay", "ct"]]
    targets = targets[targets["sample"].isin(samples[gdna_ct.notna()])]
    distance = targets["sample"].map(gdna_ct).to_numpy() - targets["ct"].to_numpy()
    reached = targets[distance < margin].drop_duplicates(["sample", "assay"]).groupby("sample").size()
    at_risk = reached.reindex(samples, fill_value=0)
    return pd.DataFrame({"gdna_ct": gdna_ct.astype(np.float64), "assays_at_risk": at_risk, "flagged": at_risk > 0})
