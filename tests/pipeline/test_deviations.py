from __future__ import annotations

import pytest

from lumier_analysis.pipeline.deviations import deviation_problems, entry_text, header, split_entries
from lumier_analysis.pipeline.lock_differences import Difference
from lumier_analysis.study.io import sha256_text
from lumier_analysis.study.lockfile import Amendment


def entry(number: int, openings: int | None = 0) -> str:
    return entry_text(
        number=number,
        date="2026-01-02T03:04:05+00:00",
        who="AB",
        reason="## 9. a reason",
        openings=openings,
        moved=[Difference("plan a | b", "x\ny", None, "plan:a")],
        before=f"{number - 1}" * 64,
        after=f"{number}" * 64,
    )


def amendment(number: int) -> Amendment:
    date = "2026-01-02T03:04:05+00:00"
    return Amendment(number, date, "AB", "why", 0, 1, sha256_text(entry(number)))


WHOLE = header("tiny") + entry(1) + entry(2)
BOTH = [amendment(1), amendment(2)]


def problems(text: str | None, known: list[Amendment] = BOTH) -> list[str]:
    return deviation_problems(text, known, study="tiny", content=f"{len(known)}" * 64)


def test_a_file_comes_apart_as_it_was_put_together() -> None:
    head, entries = split_entries(WHOLE)
    assert head == header("tiny") and entries == [entry(1), entry(2)]
    assert problems(WHOLE) == [] and problems(None, []) == [] and problems(header("tiny"), []) == []


def test_a_table_cell_holds_no_bar_of_its_own() -> None:
    assert "| plan a \\| b | x<br>y | - |" in entry(1)


@pytest.mark.parametrize(
    ("openings", "said"), [(None, "never under seal"), (0, "not opened"), (1, "once"), (3, "3 times")]
)
def test_the_openings_are_told(openings: int | None, said: str) -> None:
    assert said in entry(1, openings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "missing; the lock knows of 2 entries"),
        (header("tiny") + entry(2), "entry 1 of 2026-01-02 is gone"),
        (WHOLE.replace("AB", "CD", 1), "entry 1 of 2026-01-02 was altered|entry 1 of 2026-01-02 is gone"),
        (header("tiny") + entry(2) + entry(1), "not in order"),
        (WHOLE + entry(4), "1 more entries"),
        (WHOLE + entry(3), "entry 3 has no lock"),
        ("x" + WHOLE, "above its first entry"),
        ("", "above its first entry"),
    ],
)
def test_what_is_wrong_is_said(text: str | None, said: str) -> None:
    assert any(any(s in p for s in said.split("|")) for p in problems(text))


def test_the_last_entry_names_the_lock() -> None:
    found = deviation_problems(WHOLE, BOTH, study="tiny", content="9" * 64)
    assert found == ["plan.lock.json is not the lock that the last entry of deviations.md names"]
