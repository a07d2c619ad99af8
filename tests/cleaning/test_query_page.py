import json
import re

import pandas as pd

from lumier_analysis.cleaning.queries import COLUMNS, RULES
from lumier_analysis.cleaning.query_page import centre_by_rule, query_page, rule_label, script_json


def queries(*rows):
    return pd.DataFrame([dict.fromkeys(COLUMNS, "") | row for row in rows], columns=list(COLUMNS))


THREE = queries(
    {"rule": "sample_failed", "severity": "note", "centre": "02", "patient_id": "02-001"},
    {"rule": "sledai_total_mismatch", "severity": "query", "centre": "01", "value": "</script><b>&"},
    {"rule": "sledai_total_mismatch", "severity": "query", "centre": "02"},
    {"rule": "identifying_column", "severity": "note"},
)


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_counts_by_centre_and_rule():
    counts = centre_by_rule(THREE)
    assert counts.columns.tolist() == ["01", "02", "none"]
    assert counts.loc["sledai_total_mismatch"].tolist() == [1, 1, 0]
    assert counts.loc["identifying_column"].tolist() == [0, 0, 1]


def test_the_page_holds_every_query_what_must_be_answered_first():
    page = query_page(THREE, RULES, "A <study>", "Simulated.")
    data = data_of(page)
    rows = [dict(zip(data["columns"], row, strict=True)) for row in data["rows"]]
    assert [row["rule"] for row in rows][:2] == ["sledai_total_mismatch"] * 2
    assert len(rows) == 4
    assert rows[0]["value"] == "</script><b>&"
    assert "A &lt;study&gt;" in page
    assert ">SLEDAI total mismatch<" in page
    assert '<button class="cell" data-rule="sledai_total_mismatch" data-centre="02">1</button>' in page
    assert "2 queries to answer" in page


def test_a_value_cannot_end_the_script():
    assert script_json({"x": "</script>\u2028&"}) == '{"x":"\\u003c/script\\u003e\\u2028\\u0026"}'
    assert query_page(THREE, RULES, "t").count("</script>") == 2


def test_the_page_loads_and_sends_nothing():
    page = query_page(THREE, RULES, "t")
    assert "default-src 'none'" in page
    for sign in ("http:", "https:", " src=", "url(", "@import", "fetch(", "XMLHttpRequest", "innerHTML", "eval("):
        assert sign not in page, sign


def test_a_study_without_queries_has_a_page():
    page = query_page(queries(), RULES, "t")
    assert "every rule holds on every row" in page
    assert data_of(page)["rows"] == []


def test_labels():
    assert rule_label("sledai_total_mismatch") == "SLEDAI total mismatch"
    assert rule_label("visit_window") == "Visit window"
