from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import spaghetti_figure, visit_bands
from lumier_analysis.figures.spaghetti import PATIENT_LEVEL
from lumier_analysis.figures.style import svg_bytes

VISITS = ["M0", "M3", "M6"]


def courses(sizes, seed=0):
    """One group a name, of so many patients, at three visits."""
    rng = np.random.default_rng(seed)
    parts = [
        pd.DataFrame({"patient_id": np.repeat([f"{g}{i:03d}" for i in range(n)], 3), "visit": VISITS * n, "group": g})
        for g, n in sizes.items()
    ]
    t = pd.concat(parts, ignore_index=True)
    return t.assign(score=rng.standard_normal(len(t)))


def median_of(axes):
    return next(line for line in axes.lines if line.get_label() == "Median")


def test_bands_are_percentiles_in_the_order_of_the_visits():
    t = courses({"a": 60, "b": 30})
    bands = visit_bands(t, group="group").set_index(["group", "visit"])
    assert list(bands.index) == [(g, v) for g in "ab" for v in VISITS]
    assert bands["n_patients"].tolist() == [60] * 3 + [30] * 3
    values = t.loc[(t["group"] == "a") & (t["visit"] == "M3"), "score"]
    assert bands.loc[("a", "M3"), "q50"] == pytest.approx(values.median(), abs=0.1)
    assert bands.loc["a"].notna().all(axis=None)
    assert bands.loc["b", ["q10", "q90"]].isna().all(axis=None), "30 patients have no deciles"
    assert bands.loc["b", ["q25", "q50", "q75"]].notna().all(axis=None)
    assert list(visit_bands(t, order=["M6", "M0"])["visit"]) == ["M6", "M0"]


def test_a_report_shows_no_value_of_a_patient(inside):
    t = courses({"a": 60, "b": 30})
    figure = spaghetti_figure(t, group="group")
    assert inside(figure) == [] and figure.get_gid() != PATIENT_LEVEL
    for axes in figure.axes:
        assert len(axes.lines) <= 2, "the median, and the empty one of the legend"
        drawn = [line.get_ydata() for line in axes.lines] + [p.vertices[:, 1] for c in axes.collections
                                                             for p in c.get_paths()]  # fmt: skip
        assert not set(np.concatenate(drawn)) & set(t["score"])
    np.testing.assert_array_equal(median_of(figure.axes[0]).get_ydata(), visit_bands(t, group="group")["q50"][:3])


@pytest.mark.parametrize("width", ["single", "double"])
def test_lines_of_patients_where_they_are_asked_for(texts, inside, width):
    t = courses({"a": 12, "b": 7})
    figure = spaghetti_figure(t, group="group", individual=True, title="Courses", width=width)
    lines = [line for axes in figure.axes for line in axes.lines if line.get_label() == "_line"]
    assert len(lines) == 19 and figure.get_gid() == PATIENT_LEVEL
    assert all(set(line.get_xdata()) <= {0.0, 1.0, 2.0} for line in lines), "the visit, not the day"
    shown = " ".join(texts(figure))
    assert "19 lines, one a patient: patient data, not for a report." in shown
    assert "19 single courses" in figure.get_label() and inside(figure) == []
    svg = svg_bytes(figure).decode()
    assert not [p for p in t["patient_id"].unique() if p in shown or p in svg]


def test_lines_follow_the_visits_whatever_the_order_of_the_rows():
    t = courses({"a": 8})
    figure = spaghetti_figure(t.sample(frac=1, random_state=1), order=VISITS, individual=True)
    drawn = sorted(tuple(line.get_ydata()) for line in figure.axes[0].lines if line.get_label() == "_line")
    own = t.pivot_table(index="patient_id", columns="visit", values="score")[VISITS]
    assert drawn == sorted(map(tuple, own.to_numpy()))


def test_a_group_of_few_is_withheld_and_no_count_gives_it_away(texts):
    t = courses({"a": 25, "b": 4})
    for individual in (False, True):
        figure = spaghetti_figure(t, group="group", individual=individual)
        shown = texts(figure)
        assert len(figure.axes) == 1 and "b" not in shown and "M0\nn [c]" in shown
        assert any("One group is not shown: fewer than 5 patients" in s for s in shown)
    with pytest.raises(UsageError, match="fewer than 5 patients"):
        spaghetti_figure(courses({"a": 4}))


def test_a_visit_of_few_has_no_median_no_line_and_no_count(texts):
    t = courses({"a": 30})
    t = t[(t["visit"] != "M6") | (t["patient_id"] < "a003")]
    figure = spaghetti_figure(t, individual=True)
    assert "M6\nn <5" in texts(figure)
    assert np.isnan(median_of(figure.axes[0]).get_ydata()[2])
    assert all(2.0 not in line.get_xdata() for line in figure.axes[0].lines if line.get_label() == "_line")


def test_six_groups_in_two_lines(inside, texts):
    figure = spaghetti_figure(courses({f"0{k}": 12 for k in range(1, 7)}).rename(columns={"group": "centre"}),
                              group="centre")  # fmt: skip
    assert inside(figure) == [] and {"Centre: 01", "Centre: 06"} <= set(texts(figure))
    assert len({median_of(axes).get_marker() for axes in figure.axes}) == 6


def test_what_is_refused():
    t = courses({"a": 10})
    with pytest.raises(UsageError, match="no score"):
        spaghetti_figure(t.drop(columns="score"))
    with pytest.raises(UsageError, match="1 rows with a missing"):
        spaghetti_figure(t.assign(score=[np.nan, *t["score"][1:]]))
    with pytest.raises(UsageError, match="two rows at a visit"):
        spaghetti_figure(pd.concat([t, t.iloc[:1]]))
    with pytest.raises(UsageError, match="infinite"):
        spaghetti_figure(t.assign(score=np.inf))
    with pytest.raises(UsageError, match="At most 6"):
        spaghetti_figure(courses({f"g{k}": 10 for k in range(7)}), group="group")
