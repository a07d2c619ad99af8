"""Time seen from the flare: each sample's days to the patient's first flare, in bins, beside patients without a flare.

Who has a flare later is known only later: what is built on these rows describes, it does not predict. The rows at risk
do not look ahead.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from lumier_analysis.cleaning.flare_bins import (
    AFTER,
    BEFORE,
    BINS,
    FLARE,
    FLARE_FREE,
    bins_of,
    flare_facts,
    not_at_risk,
)
from lumier_analysis.cleaning.rows import longitudinal_rows
from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.study import Study

NOT_GIVEN = "not in the rows given"
_REQUIRED = ("sample_id", "patient_id", "cohort", "visit", "day", "scheduled")


class FlareTime(NamedTuple):
    """Samples in flare-aligned time, and those that are not in it.

    Attributes
    ----------
    aligned : DataFrame, one row a sample of a patient with a flare
        The columns given, and: days_to_flare (above 0 before the flare, 0 on its day, negative after it), bin (ordered,
        `BINS`), last_before (the last one in a bin before the flare), lag_days (of the patient: from her last sample
        before the flare to the flare), step_days (from the last sample before to the sample of the flare, and from
        that to the one of 1 month after; else missing), onset_known (whether the flare's onset is documented).
    reference : DataFrame, one row a sample
        Scheduled samples of patients without any flare, as they are: matched on nothing. bin is "flare-free".
    at_risk : DataFrame, one row a sample
        Scheduled samples of all patients up to the flare, whether or not one came: the sensitivity that does not
        condition on the future. The columns given alone.
    left_out : DataFrame
        Index analysis ("aligned", "at risk") and reason; samples and patients left out.
    lag : Series
        Index patient_id; days from the last sample before the flare to the flare.
    """

    aligned: pd.DataFrame
    reference: pd.DataFrame
    at_risk: pd.DataFrame
    left_out: pd.DataFrame
    lag: pd.Series

    @property
    def median_lag(self) -> float:
        """Median days from the last sample before the flare to the flare; NaN where there is none."""
        return float(self.lag.median()) if len(self.lag) else float("nan")

    @property
    def counts(self) -> pd.DataFrame:
        """Samples and patients by bin, the flare-free last."""
        both = pd.concat([self.aligned[["bin", "patient_id"]].astype(str), self.reference[["bin", "patient_id"]]])
        own = both.groupby("bin")["patient_id"]
        found = pd.DataFrame({"samples": own.size(), "patients": own.nunique()})
        return found.reindex([*BINS, FLARE_FREE]).fillna(0).astype(int)


def flare_time(study: Study, rows: pd.DataFrame | None = None) -> FlareTime:
    """Place every sample in time seen from its patient's first flare.

    Parameters
    ----------
    study : Study
    rows : DataFrame, optional
        `longitudinal_rows`, with columns added (scores) or rows taken away; default all of them.

    Returns
    -------
    FlareTime

    Raises
    ------
    UsageError
        `rows` lacks a column, or has a sample twice or of another study.
    AnalysisError
        The counts do not add up.

    Notes
    -----
    A flare is one by the plan's definition, the first of the patient that is dated; its day is the documented onset,
    else the detection. As everywhere, a flare after death or withdrawal does not count.

    The sample of the flare is that of the visit recorded as the flare's, from onset to 14 days after detection; else
    the last one from onset to detection. One month after is 15 to 45 days after detection: the visit recorded as such,
    else the sample nearest to 30 days, unless another flare has begun by then. Before a flare, and without one,
    scheduled visits alone count: an unscheduled one was made because something had happened.
    """
    given = longitudinal_rows(study) if rows is None else rows
    flares, ends, every = [], [], []
    for cohort in ("test", "validation"):
        if study.has("samples", cohort):
            flares.append(study.read("flares", cohort))
            ends.append(study.read("patients", cohort)[["patient_id", "end_day", "end_reason"]])
            every.append(study.read("samples", cohort)[["sample_id", "patient_id", "qc_pass", "qc_reason"]])
    if not every:
        raise AnalysisError("The study has no samples", fix="run notebook 01 first")
    samples = pd.concat(every, ignore_index=True)
    absent = samples[~samples["sample_id"].isin(given["sample_id"])]
    strangers = int((~given["sample_id"].isin(samples["sample_id"])).sum())
    if strangers:
        raise UsageError("Rows of samples that the study does not have", found=f"{strangers} rows")
    why = ("sample: " + absent["qc_reason"].astype(str)).where(~absent["qc_pass"].astype(bool), NOT_GIVEN)
    found = align_to_flare(given, pd.concat(flares, ignore_index=True), pd.concat(ends, ignore_index=True))
    extra = [_counted(name, why, absent["patient_id"]) for name in ("aligned", "at risk")]
    left_out = pd.concat([found.left_out, *extra]).sort_index(level=0, sort_remaining=False)
    total = left_out.groupby(level=0)["samples"].sum()
    placed = {"aligned": len(found.aligned) + len(found.reference), "at risk": len(found.at_risk)}
    for name, n in placed.items():
        if n + int(total.get(name, 0)) != len(samples):
            raise AnalysisError(
                "Samples were lost on the way to flare-aligned time",
                found=f"{name}: {n} and {int(total.get(name, 0))} left out of {len(samples)}",
            )
    return found._replace(left_out=left_out)


def align_to_flare(rows: pd.DataFrame, flares: pd.DataFrame, ends: pd.DataFrame) -> FlareTime:
    """Place rows in time seen from the first flare; see `flare_time` for the rules.

    Parameters
    ----------
    rows : DataFrame, one row a sample
        sample_id, patient_id, cohort, visit, day, scheduled; others are carried on.
    flares : DataFrame
        patient_id, day, onset_day, detection_day, is_flare.
    ends : DataFrame, one row a patient
        patient_id, end_day, end_reason.

    Raises
    ------
    UsageError
        A column is missing or a sample has two rows.
    AnalysisError
        The counts do not add up.
    """
    absent = [c for c in _REQUIRED if c not in rows]
    if absent:
        raise UsageError("Flare-aligned time needs the longitudinal rows", found=f"no {', '.join(absent)}",
                         fix="rows = longitudinal_rows(study)")  # fmt: skip
    if rows["sample_id"].duplicated().any():
        twice = int(rows["sample_id"].duplicated().sum())
        raise UsageError("A sample has two rows", found=f"{twice} rows too many", fix="give one row a sample")
    if absent := [c for c in ("patient_id", "day", "onset_day", "detection_day", "is_flare") if c not in flares]:
        raise UsageError("Flare-aligned time needs the flares table", found=f"no {', '.join(absent)}")
    t = rows.reset_index(drop=True)
    facts = flare_facts(t, flares, ends)
    place, reason = bins_of(t, facts)
    risk_reason = not_at_risk(t, facts)

    # Columns are made on all rows: an empty frame would take on the index of a column given to it.
    seen = t.assign(
        days_to_flare=(facts["flare"] - facts["day"]).astype("Int64"),
        bin=pd.Categorical(place.where(place.isin(BINS)), categories=list(BINS), ordered=True),
        onset_known=facts["onset_known"].astype(bool),
    )
    aligned = seen[place.isin(BINS)]
    aligned = _steps(aligned.sort_values(["patient_id", "day"])).reset_index(drop=True)
    reference = t[place == FLARE_FREE].assign(bin=FLARE_FREE).reset_index(drop=True)
    at_risk = t[risk_reason == ""].reset_index(drop=True)
    left_out = pd.concat(
        [
            _counted("aligned", reason[place == ""], t["patient_id"]),
            _counted("at risk", risk_reason[risk_reason != ""], t["patient_id"]),
        ]
    )
    if (reason[place == ""] == "").any() or len(aligned) + len(reference) + int((place == "").sum()) != len(t):
        raise AnalysisError("Samples were lost on the way to flare-aligned time", found=f"{len(t)} rows")
    last = aligned[aligned["last_before"]]
    lag = pd.Series(last["lag_days"].to_numpy(), index=pd.Index(last["patient_id"], name="patient_id"), name="lag_days")
    return FlareTime(aligned, reference, at_risk, left_out, lag)


def _steps(aligned: pd.DataFrame) -> pd.DataFrame:
    """Add last_before, lag_days and step_days to rows ordered by patient and day."""
    before = aligned["bin"].isin(list(BEFORE))
    last = before & ~aligned["patient_id"].where(before).duplicated(keep="last")
    patient, day = aligned["patient_id"], aligned["day"].astype("Int64")

    def of(which: pd.Series, values: pd.Series) -> pd.Series:
        known = pd.Series(values[which].to_numpy(), index=pd.Index(patient[which]))
        return pd.Series(patient.map(known).to_numpy(), index=aligned.index).astype("Int64")

    step = (day - of(last, day)).where(aligned["bin"] == FLARE)
    step = step.mask(aligned["bin"] == AFTER, day - of(aligned["bin"] == FLARE, day))
    return aligned.assign(last_before=last, lag_days=of(last, aligned["days_to_flare"]), step_days=step)


def _counted(analysis: str, reasons: pd.Series, patients: pd.Series) -> pd.DataFrame:
    own = pd.DataFrame({"reason": reasons.astype(str), "patient": patients.reindex(reasons.index)})
    by_reason = own.groupby("reason")["patient"]
    found = pd.DataFrame({"samples": by_reason.size(), "patients": by_reason.nunique()}).astype(int)
    index = pd.MultiIndex.from_product([[analysis], found.index], names=["analysis", "reason"])
    return found.set_axis(index)
