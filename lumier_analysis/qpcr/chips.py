"""Chips: one row of quality each, and whether they drift."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr.controls import control_summary, is_control
from lumier_analysis.qpcr.reactions import Calibration


def chip_quality(
    reactions: pd.DataFrame,
    *,
    calibration: Calibration | None = None,
    no_template_control: str = "NTC",
    genomic_dna_assay: str | None = None,
) -> pd.DataFrame:
    """Summarise every chip in one row.

    Parameters
    ----------
    reactions : DataFrame
        As measured (not calibrated), so that control Cts are those of the chip.
    calibration : Calibration, optional
        What `calibrate` returned, for the shift of the chip.
    no_template_control, genomic_dna_assay : str
        See `control_summary`.

    Returns
    -------
    DataFrame
        Index chip: reactions, samples, percent_not_detected, percent_untrusted (of the reactions of named samples other
        than no-template controls), calibrator_shift (cycles; positive: late; NaN without calibration),
        calibrator_borrowed (assays without calibrator Ct), and the columns of `control_summary`.
    """
    controls = control_summary(reactions, no_template_control=no_template_control, genomic_dna_assay=genomic_dna_assay)
    # Empty inlets and no-template controls are rightly not detected: they would hide a chip that failed.
    filled = reactions[~is_control(reactions, no_template_control) & reactions["sample"].ne("")]
    by_chip = filled.groupby("chip")
    frame = pd.DataFrame(index=controls.index)
    frame["reactions"] = reactions.groupby("chip").size()
    frame["samples"] = by_chip["sample"].nunique().reindex(frame.index, fill_value=0)
    for state, column in (("not detected", "percent_not_detected"), ("untrusted", "percent_untrusted")):
        frame[column] = 100.0 * filled["state"].eq(state).groupby(filled["chip"]).mean()
    frame["calibrator_shift"] = np.nan if calibration is None else calibration.chip_shift
    frame["calibrator_borrowed"] = 0 if calibration is None else calibration.borrowed.sum(axis=1)
    return frame.join(controls)


@dataclass(frozen=True, eq=False)
class Drift:
    """How chips move over time.

    Attributes
    ----------
    chips : DataFrame
        Index chip, in order of time: time, calibrator_shift, calibrator_low, calibrator_high (cycles: 10th and 90th
        centile over assays), flagged (shift beyond the limit; NA without calibrator), samples, reference_raw and
        reference_calibrated (median over the chip's samples of the mean Ct of the reference genes).
    trends : DataFrame
        Index calibrator_shift, reference_raw, reference_calibrated: chips, slope (cycles per unit of time, Theil and
        Sen), ci_low, ci_high, tau, p_value (Kendall).
    """

    chips: pd.DataFrame
    trends: pd.DataFrame


def chip_drift(
    reactions: pd.DataFrame,
    calibration: Calibration | None,
    *,
    reference_genes: Sequence[str],
    ignore: frozenset[str] | set[str] = frozenset(),
    limit: float = 0.5,
    level: float = 0.95,
    times: pd.Series | None = None,
) -> Drift:
    """Follow the calibrator and the reference genes from chip to chip.

    Parameters
    ----------
    reactions : DataFrame
        As measured: sample, assay, ct, state, chip.
    calibration : Calibration or None
        What `calibrate` returned for them.
    reference_genes : sequence of str
        Reference assays.
    ignore : set of str
        Names that are no samples: calibrator, no-template control.
    limit : float
        Cycles; a chip whose median calibrator shift is beyond +- `limit` is flagged (Hellemans 2007).
    level : float
        Of the interval of the slope.
    times : Series, optional
        Time of every chip (a number, say days). By default the place of the chip in the order of names.

    Returns
    -------
    Drift

    Raises
    ------
    AnalysisError
        `times` lacks a chip.

    Notes
    -----
    A trend of the calibrator is the instrument's or the reagents'; one of the reference genes that calibration leaves
    is the samples'. Theil-Sen slope and Kendall's tau do not hang on single chips that failed (Sen 1968, JASA 63:1379).
    """
    names = pd.Index(sorted(map(str, reactions["chip"].unique()), key=_natural), name="chip")
    if times is None:
        times = pd.Series(np.arange(1.0, len(names) + 1), index=names)
    lacking = names[~names.isin(times.dropna().index)]
    if len(lacking):
        raise AnalysisError("A chip has no time", found=f"chip {lacking[0]}", fix="give the date of every chip's run")
    at = times.astype("float64").reindex(names)
    chips = pd.DataFrame({"time": at})
    own = reactions["sample"].ne("") & ~reactions["sample"].isin(ignore) & reactions["state"].eq("detected")
    own &= reactions["assay"].isin(list(reference_genes))
    chips["calibrator_shift"] = np.nan if calibration is None else calibration.chip_shift
    for column, q in (("calibrator_low", 0.1), ("calibrator_high", 0.9)):
        observed = None if calibration is None else calibration.shifts.mask(calibration.borrowed)
        chips[column] = np.nan if observed is None else observed.quantile(q, axis=1)
    beyond = (chips["calibrator_shift"].abs() > limit).astype("boolean")
    chips["flagged"] = beyond.mask(chips["calibrator_shift"].isna(), pd.NA)
    part = reactions.loc[own, ["chip", "sample", "ct"]]
    chips["samples"] = part.groupby("chip")["sample"].nunique().reindex(names, fill_value=0)
    chips["reference_raw"] = _median_of_samples(part).reindex(names)
    corrected = None if calibration is None else part.assign(ct=calibration.reactions.loc[own, "ct"])
    chips["reference_calibrated"] = np.nan if corrected is None else _median_of_samples(corrected).reindex(names)
    wanted = ("calibrator_shift", "reference_raw", "reference_calibrated")
    chips = chips.sort_values("time", kind="stable")
    trends = pd.DataFrame.from_dict({c: _trend(chips["time"], chips[c], level) for c in wanted}, orient="index")
    return Drift(chips, trends)


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts chip_9 before chip_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name)]


def _median_of_samples(part: pd.DataFrame) -> pd.Series:
    """Return every chip's median, over samples, of a sample's mean Ct."""
    return part.groupby(["chip", "sample"])["ct"].mean().groupby(level="chip").median()


def _trend(time: pd.Series, value: pd.Series, level: float) -> dict[str, float]:
    """Return the Theil-Sen slope with its interval and Kendall's test; NaN with fewer than four chips."""
    known = value.notna()
    x, y = time[known].to_numpy(), value[known].to_numpy()
    if len(x) < 4 or np.ptp(x) == 0:
        nan = float("nan")
        return {"chips": len(x), "slope": nan, "ci_low": nan, "ci_high": nan, "tau": nan, "p_value": nan}
    slope, _, low, high = scipy.stats.theilslopes(y, x, alpha=level)
    if np.ptp(y) == 0:
        return {"chips": len(x), "slope": 0.0, "ci_low": 0.0, "ci_high": 0.0, "tau": 0.0, "p_value": 1.0}
    tau = scipy.stats.kendalltau(x, y)
    return {
        "chips": len(x),
        "slope": float(slope),
        "ci_low": float(low),
        "ci_high": float(high),
        "tau": float(tau.statistic),
        "p_value": float(tau.pvalue),
    }
