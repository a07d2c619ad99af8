"""The ledger as the report shows it: what may leave the house of every number."""

from __future__ import annotations

from typing import Any

from lumier_analysis.reporting.disclosure import shown_entry
from lumier_analysis.reporting.flow import disclosed_flow, flow_from_ledger
from lumier_analysis.reporting.results import Results
from lumier_analysis.reporting.wording import count_text, p_text

#: Families whose small cells are suppressed together, so that no line of them may be shown by itself: where they are.
TOGETHER = {
    "flow": "shown in the report, section Participants, where its cells are suppressed together",
    "baseline": "shown in Table 1, where its cells are suppressed together",
}
ORIGIN = ("label", "kind", "unit", "estimator", "plan_item", "notebook", "cell")
SHOWN = ("value", "interval", "p", "n_patients", "n_rows", "n_events", "note")


def shown_numbers(results: Results, threshold: int) -> dict[str, dict[str, Any]]:
    """Return each number as disclosure control shows it, by ledger id.

    Parameters
    ----------
    results : Results
        The full ledger.
    threshold : int
        Counts from 1 to threshold - 1 are suppressed.

    Returns
    -------
    dict
        id -> texts `SHOWN` and where the number comes from (`ORIGIN`). Counts of the participant flow are those of the
        report, where cells are suppressed together; numbers of Table 1 have no value here, since their cells are
        suppressed row by row there.
    """
    flow = {step["id"]: count_text(step["n"]) for step in disclosed_flow(flow_from_ledger(results), threshold)}
    found: dict[str, dict[str, Any]] = {}
    for entry in results.entries():
        family = entry.id.split(".", 1)[0]
        if family in TOGETHER:
            texts = {**dict.fromkeys(SHOWN, ""), "value": flow.get(entry.id, ""), "note": TOGETHER[family]}
        else:
            shown = shown_entry(entry, threshold)
            texts = {
                "value": shown.value,
                "interval": shown.interval,
                "p": p_text(shown.p_value),
                "n_patients": shown.n_patients,
                "n_rows": shown.n_rows,
                "n_events": shown.n_events,
                "note": shown.note,
            }
        found[entry.id] = texts | {name: getattr(entry, name) for name in ORIGIN} | {"level": entry.level}
    return found
