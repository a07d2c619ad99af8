"""The report: one self-contained HTML file, numbers from the ledger, through disclosure control."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from lumier_analysis.reporting.assumed import assumed_settings
from lumier_analysis.reporting.disclosure import legend
from lumier_analysis.reporting.frozen import lock_sentence
from lumier_analysis.reporting.headline import headline
from lumier_analysis.reporting.layout import TableSpec
from lumier_analysis.reporting.lint import lint_reports, study_identifiers
from lumier_analysis.reporting.model_card import write_model_card
from lumier_analysis.reporting.pictures import read_pictures
from lumier_analysis.reporting.provenance import number_anchor, provenance
from lumier_analysis.reporting.report_tables import entry_table, withholds
from lumier_analysis.reporting.results import Results, read_ledger
from lumier_analysis.reporting.sections import Section, build_sections, place_figures
from lumier_analysis.reporting.signature_card import signature_card
from lumier_analysis.study import Study
from lumier_analysis.study.io import write_text_atomic

TABLE_ONE = "table_1.html"


def _table_one(study: Study) -> Markup | None:
    """Return Table 1 as written by the manuscript notebook (already disclosed, markup escaped by `TableOne`)."""
    path = study.reports / "tables" / TABLE_ONE
    return Markup(path.read_text(encoding="utf-8")) if path.is_file() else None


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


def breakable(id: str) -> Markup:
    """Return a dotted name that may be broken after a dot, a slash or an underscore, and nowhere else."""
    return Markup(re.sub(r"(?<=[._/])(?=\w)", "<wbr>", str(escape(id))))


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
    environment = Environment(
        loader=PackageLoader("lumier_analysis.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["breakable"] = breakable
    environment.filters["number_anchor"] = number_anchor
    template = environment.get_template("report.html.j2")
    return template.render(
        info=study.plan.study,
        primary=headline(results, threshold),
        lock=lock_sentence(study),
        primary_title=next(a.title for a in study.plan.analyses if a.role == "primary"),
        signature=signature_card(study),
        signature_table=entry_table(signature_numbers, spec, threshold) if signature_numbers else None,
        sections=sections,
        contents=_contents(sections),
        table_one=_table_one(study),
        table_one_id=next((entry.id for entry in results.entries("baseline")), ""),
        assumed=assumed_settings((study.folder / "plan.yml").read_text(encoding="utf-8")),
        provenance=provenance(study, results),
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
        A ledger file is damaged.
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
