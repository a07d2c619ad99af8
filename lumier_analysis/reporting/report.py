"""The report: one self-contained HTML file, numbers from the ledger, through disclosure control."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from markupsafe import Markup

from lumier_analysis.errors import AnalysisError
from lumier_analysis.reporting.anchors import number_anchor
from lumier_analysis.reporting.assumed import assumed_settings
from lumier_analysis.reporting.disclosure import legend
from lumier_analysis.reporting.frozen import lock_sentence
from lumier_analysis.reporting.headline import headline
from lumier_analysis.reporting.layout import TableSpec
from lumier_analysis.reporting.lint import lint_reports, study_identifiers
from lumier_analysis.reporting.model_card import write_model_card
from lumier_analysis.reporting.pages import render
from lumier_analysis.reporting.pictures import read_pictures
from lumier_analysis.reporting.provenance import provenance
from lumier_analysis.reporting.report_tables import entry_table, withholds
from lumier_analysis.reporting.results import Results, read_ledger
from lumier_analysis.reporting.sections import Section, build_sections, place_figures
from lumier_analysis.reporting.signature_card import signature_card
from lumier_analysis.study import Study
from lumier_analysis.study.io import write_text_atomic

TABLE_ONE = "table_1.html"
#: How Table 1 marks a number with its ledger id.
_MARKED = re.compile(r'<span data-ledger="([^"]*)">(.*?)</span>')


def _table_one(study: Study, results: Results) -> Markup | None:
    """Return Table 1 as written by the manuscript notebook (already disclosed, markup escaped by `TableOne`), linked.

    Raises
    ------
    AnalysisError
        It shows a number that the ledger does not hold.
    """
    path = study.reports / "tables" / TABLE_ONE
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    absent = sorted({id for id, _ in _MARKED.findall(text) if unescape(id) not in results})
    if absent:
        raise AnalysisError(
            f"Table 1 shows {len(absent)} numbers that the ledger does not hold",
            found=unescape(absent[0]),
            fix="run notebook 05_manuscript to its end",
        )
    return Markup(_MARKED.sub(lambda m: f'<a href="#{number_anchor(unescape(m[1]))}">{m[2]}</a>', text))


def _contents(sections: list[Section]) -> list[tuple[str, str]]:
    """Return anchors and titles for the table of contents."""
    first, rest = sections[0], sections[1:]
    return [
        ("signature", "Locked signature"),
        (first.id, first.title),
        *((section.id, section.title) for section in rest),
        ("table-one", "Patients at inclusion"),
        ("assumed", "Assumed settings"),
        ("provenance", "Provenance"),
    ]


def render_report(study: Study, results: Results) -> str:
    """Return the report as HTML text; the same ledger, figures and plan give the same text."""
    threshold = study.plan.disclosure.threshold
    sections = build_sections(results, threshold)
    left = place_figures(sections, read_pictures(study.reports / "figures"))
    if left:
        further = next((s for s in sections if s.id == "further"), None)
        if further is None:
            further = Section("further", "Further figures", "Figures that belong to no section above.", "")
            sections.append(further)
        further.figures.extend(left)
    signature_numbers = results.entries("signature")
    spec = TableSpec("signature", "Numbers of the lock", rows="rows", digits=4)
    origin = provenance(study, results, [figure.name for section in sections for figure in section.figures])
    return render(
        "report.html.j2",
        info=study.plan.study,
        primary=headline(results, threshold),
        lock=lock_sentence(study),
        primary_title=next(a.title for a in study.plan.analyses if a.role == "primary"),
        signature=signature_card(study),
        signature_table=entry_table(signature_numbers, spec, threshold) if signature_numbers else None,
        sections=sections,
        contents=_contents(sections),
        table_one=_table_one(study, results),
        assumed=assumed_settings((study.folder / "plan.yml").read_text(encoding="utf-8")),
        provenance=origin,
        drawn={figure.name: figure.origin for figure in origin.figures},
        legend=legend(threshold)
        if withholds([row for section in sections for table in section.tables for row in table.rows], threshold)
        else "",
    )


def build_report(study: Study) -> Path:
    """Write ``reports/<study>/report.html`` and, where a signature is locked, its model card.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Path
        The report.

    Raises
    ------
    AnalysisError
        A ledger file or a notebook is damaged, or Table 1 shows a number that no ledger holds.
    DisclosureError
        A figure has no alternative text, or something in the folder would show a patient or a small count.
    SignatureError
        The locked signature is damaged or altered.
    """
    text = render_report(study, read_ledger(study))
    threshold = study.plan.disclosure.threshold
    lint_reports(study.reports, study_identifiers(study), texts={"report.html": text}, threshold=threshold)
    if study.signature_path.is_file():
        write_model_card(study)
    return write_text_atomic(study.reports / "report.html", text)
