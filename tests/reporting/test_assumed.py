from __future__ import annotations

import pytest

from lumier_analysis.reporting.assumed import Assumed, assumed_settings
from lumier_analysis.study import project_root

PLAN = """\
# A line marked ASSUMED is a setting that the record does not fix.
study:
  title: "a # in quotes"
flare:
  definition: sfi_any           # ASSUMED (sfi_any | sfi_severe)
  increase: 3                   # fixed by the record
landmarks:
  cap_days: 112                 # ASSUMED: 91 + 21
  gap: {days: 1}                # used where horizon is fixed    ASSUMED
# Outside these limits a value is a query.      ASSUMED
plausible:
  c3: {low: 0.1, high: 4.0}
"""


def test_every_marked_setting_is_found_with_its_dotted_key():
    assert assumed_settings(PLAN) == [
        Assumed("flare.definition", "sfi_any", "(sfi_any | sfi_severe)"),
        Assumed("landmarks.cap_days", "112", "91 + 21"),
        Assumed("landmarks.gap", "{days: 1}", "used where horizon is fixed"),
        Assumed("plausible", "", "Outside these limits a value is a query"),
    ]


def test_a_hash_inside_quotes_is_part_of_the_value():
    (setting,) = assumed_settings('title: "no # comment"  # ASSUMED')
    assert setting == Assumed("title", '"no # comment"', "")


@pytest.mark.parametrize("study", ["synthetic", "gse65391"])
def test_no_mark_of_a_real_plan_is_overlooked(study):
    text = (project_root() / "data" / study / "plan.yml").read_text(encoding="utf-8")
    # The plan's own head explains the mark and marks nothing.
    marks = sum("ASSUMED" in line for line in text.splitlines()) - 1
    assert len(assumed_settings(text)) == marks > 3
