from __future__ import annotations

from lumier_analysis.reporting.anchors import breakable, cell_anchor, figure_anchor, number_anchor


def test_anchors_differ_where_ids_do():
    ids = ("a.b", "a_b", "a%b", "a b", "aéb", "a_5f_b", "a-b")
    assert len({number_anchor(id) for id in ids}) == len(ids)
    assert number_anchor("validation.primary.auc") == "number-validation.primary.auc"
    assert figure_anchor("chip_levels") == "figure-chip_5f_levels"
    assert cell_anchor("a", "b_c") != cell_anchor("a_b", "c")


def test_ids_break_after_dots_and_underscores_alone():
    assert breakable("a.b_c") == "a.<wbr>b_<wbr>c"
    assert breakable("<b>.x") == "&lt;b&gt;.<wbr>x"
