"""The query list as one page that needs no network: counts by centre and rule, and a list to filter."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from markupsafe import Markup

from lumier_analysis.cleaning.queries import SEVERITIES
from lumier_analysis.study.names import capital, display_name

if TYPE_CHECKING:
    from jinja2 import Template

NO_CENTRE = "none"


@cache
def _template() -> Template:
    import jinja2  # here, as every stage imports this room

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("queries.html.j2")


def script_json(content: object) -> Markup:
    """Return JSON that may stand inside a script element: no ``<`` can end it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Markup(re.sub("[<>&\u2028\u2029]", lambda sign: f"\\u{ord(sign[0]):04x}", text))


def rule_label(rule: str) -> str:
    """Return a rule's id as words."""
    return capital(display_name(rule))


def centre_by_rule(queries: pd.DataFrame) -> pd.DataFrame:
    """Count queries by rule and centre.

    Returns
    -------
    DataFrame of int, index rules in the order of the list, columns centres in order, then ``none`` where it occurs.
    """
    centres = queries["centre"].replace("", NO_CENTRE)
    order = sorted(set(centres) - {NO_CENTRE}) + ([NO_CENTRE] if (centres == NO_CENTRE).any() else [])
    counts = queries.assign(centre=centres).pivot_table(index="rule", columns="centre", values="row", aggfunc="size")
    return counts.reindex(index=list(dict.fromkeys(queries["rule"])), columns=order).fillna(0).astype(int)


def query_page(queries: pd.DataFrame, rules: dict[str, str], title: str, caution: str = "") -> str:
    """Return the page.

    Parameters
    ----------
    queries : DataFrame of str
        As `Queries.frame` gives it.
    rules : dict
        Rule -> what it finds, in words.
    title, caution : str
        Of the study.

    Returns
    -------
    str
        HTML that loads nothing: styles, script and data are inside, and a policy in its head forbids the rest.
    """
    # What must be answered stands first.
    queries = queries.sort_values("severity", key=lambda s: s.map(SEVERITIES.index), kind="stable")
    counts = centre_by_rule(queries)
    severity = queries.drop_duplicates("rule").set_index("rule")["severity"].to_dict()
    rows = [
        {
            "rule": rule,
            "label": rule_label(rule),
            "finds": rules.get(rule, ""),
            "severity": severity[rule],
            "cells": [(centre, int(n)) for centre, n in counts.loc[rule].items()],
            "total": int(counts.loc[rule].sum()),
        }
        for rule in counts.index
    ]
    shown = queries.assign(centre=queries["centre"].replace("", NO_CENTRE))
    columns, labels = list(shown.columns), {row["rule"]: row["label"] for row in rows}
    return _template().render(
        title=title,
        caution=caution,
        rows=rows,
        centres=list(counts.columns),
        totals=[int(n) for n in counts.sum()],
        by_severity=[(s, int((queries["severity"] == s).sum())) for s in SEVERITIES],
        total=len(queries),
        data=script_json({"columns": columns, "rows": shown.to_numpy().tolist(), "labels": labels}),
    )
