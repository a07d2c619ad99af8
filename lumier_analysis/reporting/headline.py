"""The first line of the report: the primary result, read in words that a rule chooses."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lumier_analysis.reporting.disclosure import SUPPRESSION_THRESHOLD, shown_entry
from lumier_analysis.reporting.results import Entry, Results
from lumier_analysis.reporting.wording import interval_text, level_text, number_text, p_text
from lumier_analysis.study.names import capital, display_text

PRIMARY = "validation.primary.auc"
INTERNAL = {
    "derivation.primary_score.auc": "pre-specified score",
    "derivation.elastic_net.nested_auc": "elastic net, nested cross-validation",
}


@dataclass(frozen=True, slots=True)
class Headline:
    """Status (estimated, not estimable, ...), line, reading, and where the number comes from."""

    status: str
    line: str
    reading: str
    id: str = ""
    origin: str = ""


def _denominators(entry: Entry, threshold: int) -> str:
    """Return ``128 patients, 431 landmarks, 33 events``, small numbers suppressed."""
    shown = shown_entry(entry, threshold)
    counts = (
        (shown.n_patients, entry.n_patients, "patient"),
        (shown.n_rows, entry.n_rows, "landmark"),
        (shown.n_events, entry.n_events, "event"),
    )
    return ", ".join(f"{text} {word}{'' if n == 1 and text == '1' else 's'}" for text, n, word in counts if text)


def estimator_name(entry: Entry) -> str:
    """Return the estimator without the name of the quantity and of the interval: "Obuchowski clustered"."""
    return entry.estimator.split(";")[0].removeprefix("AUC, ").removeprefix("AUC ").strip()


def auc_line(entry: Entry, threshold: int = SUPPRESSION_THRESHOLD) -> str:
    """Return ``AUC 0.66 (95 % CI 0.55 to 0.76), Obuchowski clustered, 128 patients, ...; p = 0.004``."""
    value = f"AUC {number_text(entry.value, 2)}"
    if entry.level is not None:
        value += f" ({level_text(entry.level)} {interval_text(entry.ci_low, entry.ci_high, 2)})"
    line = ", ".join(part for part in (value, estimator_name(entry), _denominators(entry, threshold)) if part)
    p = p_text(entry.p_value)
    return line + (f"; p {p.replace('<', '< ')}" if p.startswith("<") else f"; p = {p}" if p else "")


def reading(entry: Entry) -> str:
    """Say in one sentence what the interval shows; no number is judged but the limits against 0.5."""
    if math.isnan(entry.ci_low) or math.isnan(entry.ci_high):
        return "Without an interval nothing can be said about discrimination."
    if entry.ci_low > 0.5:
        return (
            "The locked score discriminates between landmarks followed by a flare and the others: "
            "the interval lies above 0.5."
        )
    if entry.ci_high < 0.5:
        return "The locked score ranks landmarks against its direction: the interval lies below 0.5."
    return "No discrimination was shown: the interval includes 0.5."


def headline(results: Results, threshold: int = SUPPRESSION_THRESHOLD) -> Headline:
    """Return the primary result, or why there is none.

    Parameters
    ----------
    results : Results
        The ledger.
    threshold : int
        Disclosure threshold: an AUC that rests on fewer patients or events is withheld.
    """
    entry = results.get(PRIMARY)
    internal = next((results[id] for id in INTERNAL if id in results and not math.isnan(results[id].value)), None)
    if entry is not None:
        shown = shown_entry(entry, threshold)
        if shown.withheld:
            return Headline("withheld", "Primary result withheld", _sentence(shown.note), entry.id, entry.origin)
        if not math.isnan(entry.value):
            return Headline("estimated", auc_line(entry, threshold), reading(entry), entry.id, entry.origin)
    if internal is not None and not shown_entry(internal, threshold).withheld:
        why = _sentence(shown.note) if entry is not None else "There is no result from a validation cohort."
        text = f"{why} On the test cohort ({INTERNAL[internal.id]}): {auc_line(internal, threshold)}."
        status = "Not estimable; internal validation only" if entry is not None else "Internal validation only"
        return Headline(status.lower(), status, text, internal.id, internal.origin)
    if entry is not None:
        return Headline("not estimable", "Not estimable", _sentence(shown.note), entry.id, entry.origin)
    return Headline("no result", "Not estimable", "The ledger holds neither a validation nor a derivation result yet.")


def _sentence(text: str) -> str:
    """Return a note as a sentence."""
    text = display_text(text).strip().rstrip(".")
    return f"{capital(text)}." if text else "No reason was recorded."
