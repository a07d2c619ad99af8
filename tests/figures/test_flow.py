from __future__ import annotations

import pytest
from matplotlib.patches import FancyBboxPatch

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import flow_diagram


def make_flow(cohorts=("test", "validation"), start=152, excluded=(20, 7)):
    flow = []
    for cohort in cohorts:
        for level in ("patients", "visits"):
            flow.append(
                {"cohort": cohort, "level": level, "step": "start", "reason": f"{level} in the export", "n": start}
            )
            for i, n in enumerate(excluded):
                reason = f"a reason, the number {i}, that needs more than a line of its box"
                flow.append({"cohort": cohort, "level": level, "step": "excluded", "reason": reason, "n": n})
            end = "[c]" if isinstance(start, str) else start - sum(n for n in excluded if isinstance(n, int))
            flow.append({"cohort": cohort, "level": level, "step": "end", "reason": f"{level} analysed", "n": end})
            flow.append(
                {"cohort": cohort, "level": level, "step": "of which", "reason": "followed by a flare", "n": 11}
            )
    return flow


def words(figure, texts):
    return " ".join(texts(figure)).replace("\u00a0", " ")


def test_every_number_given_is_drawn_and_adds_up(texts):
    shown = words(flow_diagram(make_flow()), texts)
    for number, times in (("n = 152", 4), ("n = 20", 4), ("n = 7", 4), ("n = 125", 4), ("n = 11", 4)):
        assert shown.count(number) == times
    assert "Test cohort" in shown and "Validation cohort" in shown
    assert "Patients in the export" in shown and shown.count("Excluded") == 4


def test_no_word_leaves_its_box_or_the_canvas(inside):
    figure = flow_diagram(make_flow())
    assert inside(figure) == []
    boxes = [p.get_window_extent() for p in figure.axes[0].patches if isinstance(p, FancyBboxPatch)]
    assert len(boxes) == 12
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    for text in figure.axes[0].texts:
        if text.get_fontsize() == 7.0 and text.get_text().strip():
            own = text.get_window_extent()
            assert any(b.x0 <= own.x0 and own.x1 <= b.x1 and b.y0 <= own.y0 and own.y1 <= b.y1 for b in boxes)


def test_suppressed_counts_are_drawn_as_given_and_explained(texts):
    shown = words(flow_diagram(make_flow(start="[c]", excluded=("<5", "<5"))), texts)
    assert "n <5" in shown and "n = [c]" in shown
    assert "<5: at least 1, fewer than 5; [c]: withheld, so that a small count cannot be worked out." in shown


def test_without_suppression_there_is_nothing_to_explain(texts):
    assert "withheld" not in words(flow_diagram(make_flow()), texts)
    assert "[c]" not in words(flow_diagram(make_flow(start=8, excluded=("<10",))), texts)


def test_one_cohort_takes_half_the_width():
    one, two = flow_diagram(make_flow(("test",))), flow_diagram(make_flow())
    assert one.get_figwidth() * 2 == pytest.approx(two.get_figwidth())


def test_cohorts_of_other_names_and_headings(texts):
    shown = words(flow_diagram(make_flow(("a", "b")), titles={"a": "Paris"}), texts)
    assert "Paris" in shown and " b " in f" {shown} "


def test_the_alternative_text_says_what_is_left():
    assert "Test cohort: patients analysed n\u00a0=\u00a0125" in flow_diagram(make_flow()).get_label()


def test_an_empty_flow_is_refused():
    with pytest.raises(UsageError, match="01_data_cleaning"):
        flow_diagram([])
