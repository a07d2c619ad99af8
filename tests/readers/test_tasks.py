"""One vocabulary for what a well was for."""

from __future__ import annotations

import pytest

from lumier_analysis.readers.tasks import assay_roles, sample_types, well_task, well_tasks


@pytest.mark.parametrize(
    ("word", "task", "kind"),
    [
        ("UNKNOWN", "unknown", "Unknown"),
        ("Unkn-12", "unknown", "Unknown"),
        ("unkn", "unknown", "Unknown"),
        ("Endogenous Control", "unknown", "Unknown"),
        ("", "unknown", "Unknown"),
        ("NTC", "ntc", "NTC"),
        ("ntc", "ntc", "NTC"),
        ("Neg Ctrl", "negative", "Negative Control"),
        ("Std-03", "standard", "Standard"),
        ("STANDARD", "standard", "Standard"),
        ("pos", "positive", "Positive Control"),
        ("NRT-1", "nrt", "NRT"),
        ("opt", "optical", "Optical Calibrator"),
        ("Blocked IPC", "other", "Blocked IPC"),
        ("miR-101", "other", "miR-101"),
    ],
)
def test_words(word: str, task: str, kind: str) -> None:
    assert well_task(word) == task
    assert well_tasks([word, word]) == [task, task]
    assert sample_types([word]) == [kind]


def test_some_words_speak_of_the_assay() -> None:
    assert assay_roles(["Endogenous Control", "UNKNOWN", "Target"]) == ["Endogenous Control", "", "Target"]
