from __future__ import annotations

from dataclasses import replace

import pytest

from lumier_analysis.pipeline.compare_ledgers import Difference
from lumier_analysis.pipeline.compare_runs import Replay
from lumier_analysis.pipeline.say_replay import SHOWN, replay_lines
from lumier_analysis.pipeline.tolerances import SAME_MACHINE, TOLERANCES

SAME = Replay(
    name="the ledger", n_numbers=9, differences=(), causes={"03": ("the plan changed (a, now b)",)},
    inputs={"03": ["plan.yml"]}, files=(), unexplained=(), altered=(), environment=(), unlocked=(),
    tolerances=SAME_MACHINE, shown_only=False, sealed=False, n_files=5, seconds=3.2, titles={"primary": "The AUC"},
)  # fmt: skip
MOVED = Difference("a.b", "value", 0.1, 0.30000000000000004, 0.667, 0.0, "primary", "03", "auc")


def test_the_verdict_is_the_last_line() -> None:
    assert replay_lines(SAME)[-1] == "Identical: 9 numbers of the ledger and 5 files are the same to the last byte."
    files = replace(SAME, files=("reports/report.html",))
    assert files.outcome == "numbers identical"
    assert replay_lines(files)[-1].endswith("identical; 1 of 5 files differ in bytes.")
    within = replace(SAME, differences=(replace(MOVED, relative=1e-10, allowed=1e-9),), tolerances=TOLERANCES)
    assert within.outcome == "within tolerance"
    assert replay_lines(within)[-1].endswith("1 of 9 numbers of the ledger differ, by at most 1.0e-10.")


def test_a_moved_number_is_told_with_every_digit_its_place_and_its_cause() -> None:
    text = "\n".join(replay_lines(replace(SAME, differences=(MOVED,))))
    assert "primary: The AUC (notebook 03, cell auc)" in text
    assert "a.b  value  was 0.10000000000000001  now 0.30000000000000004  6.7e-01" in text
    assert "Explained, for notebook 03, by:\n  the plan changed (a, now b)\n  (inputs that differ: plan.yml)" in text


@pytest.mark.parametrize("quantity", ["gone", "new", "note"])
def test_what_is_no_matter_of_numbers_is_told_in_words(quantity: str) -> None:
    difference = replace(MOVED, quantity=quantity, was=None, now="", relative=float("inf"))
    text = "\n".join(replay_lines(replace(SAME, differences=(difference,))))
    assert f"was missing  now (empty)  {'changed' if quantity == 'note' else quantity}" in text


def test_a_long_table_is_cut_and_says_so() -> None:
    many = tuple(replace(MOVED, id=f"n{i}") for i in range(SHOWN + 7))
    assert "  ... and 7 more" in replay_lines(replace(SAME, n_numbers=99, differences=many))


def test_what_moved_comes_before_what_is_within() -> None:
    within = replace(MOVED, id="other", relative=1e-12, allowed=1e-9)
    text = "\n".join(replay_lines(replace(SAME, differences=(within, MOVED))))
    assert "a.b" in text and "other" not in text


def test_machine_lock_and_altered_files_are_named() -> None:
    found = replace(
        SAME, environment=("package numpy: 1, now 2",), unlocked=("plan x: was 1, is 2",), altered=("reports/a.svg",),
        tolerances=TOLERANCES, sealed=True,
    )  # fmt: skip
    lines = replay_lines(found)
    assert found.outcome == "moved" and lines[-1] == "Moved: files, but no number."
    for line in ("  package numpy: 1, now 2", "  plan x: was 1, is 2", "  reports/a.svg"):
        assert line in lines
    assert lines[0].startswith("The validation outcomes are sealed")
