"""Why each visit of one patient is in the analysis or out of it; for the terminal alone, nothing is written."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lumier_analysis.cleaning import expression_of
from lumier_analysis.errors import AnalysisError, LumierError, UsageError
from lumier_analysis.signature import LockedSignature
from lumier_analysis.study import Study
from lumier_analysis.study.seal import require_open

_COHORTS = ("test", "validation")


def explain_patient(study: Study, patient: str) -> list[str]:
    """Say of every visit of a patient whether it is a landmark, and why or why not.

    Parameters
    ----------
    study : Study
    patient : str
        Her code in the study, as in the raw files.

    Returns
    -------
    list of str
        Lines for a terminal: the patient, her flares, and each visit with day, sample, score and window.

    Raises
    ------
    UsageError
        No such patient; other codes are not shown.
    AnalysisError
        The study has not been cleaned yet.
    SealError
        The patient is not of the test cohort, and the validation outcomes are sealed.
    """
    cohorts = [c for c in _COHORTS if not study.closed("landmarks", c) and study.has("landmarks", c)]
    if not cohorts:
        raise AnalysisError("The study has no landmarks yet", fix=f"run `lumier run data/{study.name}`, then ask again")
    wanted = patient.strip()
    tables = {c: _own(study, "patients", c, wanted) for c in cohorts}
    found = [(c, own) for c, own in tables.items() if len(own)]
    if not found:
        if any(study.closed("landmarks", c) for c in _COHORTS):
            require_open(study, "What is known of a patient outside the test cohort")
        n_others = sum(len(study.read("patients", c)) for c in cohorts)
        raise UsageError(
            f"Study {study.name} has no patient {patient!r}",
            found=f"{n_others} patients with other codes",
            fix="write the code as it stands in the raw files, capitals and zeros included",
        )
    lines: list[str] = []
    for cohort, people in found:
        lines += [*([""] if lines else []), *_explained(study, cohort, wanted, people.iloc[0])]
    return lines


def _own(study: Study, table: str, cohort: str, patient: str) -> pd.DataFrame:
    """Return the patient's rows of a table; none where the study has no such table."""
    if not study.has(table, cohort):
        return pd.DataFrame()
    rows = study.read(table, cohort)
    return rows[(rows["patient_id"] == patient).fillna(False)]


def _explained(study: Study, cohort: str, patient: str, person: Any) -> list[str]:
    """Return the lines about a patient of one cohort."""
    marks, visits = (_own(study, t, cohort, patient) for t in ("landmarks", "visits"))
    flares, samples = (_own(study, t, cohort, patient) for t in ("flares", "samples"))
    centre = "" if pd.isna(person.get("centre")) else f", centre {person['centre']}"
    state = f"not analysed: {person['reason']}" if person["reason"] else "analysed"
    lines = [f"Patient {patient}, {cohort} cohort{centre}: {state}"]
    if pd.notna(person.get("end_day")):
        why = "" if pd.isna(person.get("end_reason")) else f", {person['end_reason']}"
        lines.append(f"  Follow-up ends on day {person['end_day']}{why}")
    flare: Any
    visit: Any
    for flare in flares.sort_values("day").itertuples():
        onset = "onset unknown" if pd.isna(flare.onset_day) else f"onset day {flare.onset_day}"
        counts = "a flare by the plan" if flare.is_flare else "no flare by the plan's definition"
        lines.append(f"  Flare: {onset}, detected {_day(flare.detection_day)}: {counts}")
    if not len(flares):
        lines.append("  No flare recorded")
    scores, unscored = _scores(study, cohort, marks)
    lines.append("  Visits:")
    for visit in visits.sort_values("day", na_position="last").itertuples():
        name = "unscheduled" if pd.isna(visit.visit) else visit.visit
        mark = marks[marks["visit"].eq(visit.visit).fillna(False)] if visit.scheduled else marks.iloc[:0]
        head = f"    {name}, {_day(visit.day)}: "
        if len(mark):
            lines.append(head + _landmark(mark.iloc[0], scores))
        else:
            lines.append(head + f"out: {_no_landmark(study, visit)}")
        lines.append(f"      {_sample(samples, visit)}")
    if not len(visits):
        lines.append("    none")
    return [*lines, *([f"  {unscored}"] if unscored else [])]


def _day(day: Any) -> str:
    return "day unknown" if pd.isna(day) else f"day {day}"


def _no_landmark(study: Study, visit: Any) -> str:
    """Return why a visit that the landmark table does not list is none."""
    if not visit.scheduled:
        return "not a scheduled visit"
    allowed = study.plan.landmarks.visits
    return "no landmark visit of the plan" + ("" if allowed == "all" else f" ({', '.join(allowed)})")


def _landmark(mark: Any, scores: dict[str, str]) -> str:
    """Return what became of a landmark visit."""
    if not mark["included"]:
        return f"out: {mark['reason']}"
    window = f"window to day {mark['window_end_day']}"
    if mark["event"] == 1:
        what = f"flare on day {mark['flare_day']}, an event"
    else:
        what = "competing event in it, a non-event" if mark["competing"] else "no flare in it, a non-event"
    score = scores.get(str(mark["sample_id"]))
    return f"in: {window}, {what}" + (f"; {score}" if score else "")


def _sample(samples: pd.DataFrame, visit: Any) -> str:
    """Return what is known of the samples of a visit."""
    own = samples[samples["visit"].eq(visit.visit).fillna(False)] if len(samples) else samples
    if len(own) > 1:
        # Visits of the same name, as two flare visits: the sample of the day.
        same = own[own["day"].eq(visit.day).fillna(False)]
        own = same if len(same) else own
    if not len(own):
        return "no sample"
    return "; ".join(
        f"sample {s.sample_id}, {_day(s.day)}: " + ("passes" if s.qc_pass else f"fails, {s.qc_reason}")
        for s in _tuples(own)
    )


def _tuples(table: pd.DataFrame) -> list[Any]:
    return list(table.itertuples())


def _scores(study: Study, cohort: str, marks: pd.DataFrame) -> tuple[dict[str, str], str]:
    """Return the locked score by sample of the included landmarks, and why there is none."""
    used = marks[marks["included"]] if len(marks) else marks
    if not len(used):
        return {}, ""
    if not study.signature_path.is_file():
        return {}, "No score: no signature is locked yet"
    try:
        signature = LockedSignature.load(study.signature_path)
        scored = signature.score(expression_of(study, cohort, used))
    except LumierError as error:
        return {}, f"No score: {error}"
    shown = {}
    row: Any
    for sample, row in zip(used["sample_id"], scored.itertuples(), strict=True):
        if row.scorable:
            side = "" if pd.isna(row.flag) else ", at or above the threshold" if row.flag else ", below the threshold"
            shown[str(sample)] = f"score {row.score:.3f}{side}"
        else:
            shown[str(sample)] = f"not scored: {row.reason}"
    return shown, ""
