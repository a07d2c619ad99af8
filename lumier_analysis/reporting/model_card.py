"""The model card: what the locked signature is, what it was shown to do, and what it must not be used for.

After Mitchell et al. (2019, FAT* 220); its numbers are those of the signature file and of the ledger, through
disclosure control.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lumier_analysis.errors import SignatureError
from lumier_analysis.reporting.disclosure import legend
from lumier_analysis.reporting.frozen import departures
from lumier_analysis.reporting.headline import PRIMARY, headline
from lumier_analysis.reporting.layout import TableSpec
from lumier_analysis.reporting.lint import lint_reports, study_identifiers
from lumier_analysis.reporting.pages import render
from lumier_analysis.reporting.report_tables import Row, Table, entry_table, withholds
from lumier_analysis.reporting.results import Results, read_ledger
from lumier_analysis.reporting.signature_card import KINDS, risk_formula
from lumier_analysis.reporting.wording import number_text
from lumier_analysis.study import Study
from lumier_analysis.study.io import write_text_atomic
from lumier_analysis.study.lockfile import read_lock
from lumier_analysis.study.names import display_name

if TYPE_CHECKING:
    from lumier_analysis.signature import LockedSignature

#: Ledger entries of each table, by id or by what stands before a dot.
DERIVATION = ("derivation.landmarks", "derivation.patients", "derivation.events")
INTERNAL = (
    "derivation.primary_score",
    "derivation.elastic_net",
    "derivation.optimism",
    "derivation.instability",
    "derivation.n_selected",
)
VALIDATION = ("validation.primary", "validation.classification", "validation.calibration")


@dataclass(frozen=True, slots=True)
class CardSection:
    """A section of the card: sentences and the ledger ids behind them, then facts (name, value), then tables."""

    title: str
    sentences: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The card, ready for either template."""

    title: str
    subtitle: str
    banner: str
    sections: tuple[CardSection, ...]

    def html(self) -> str:
        """Return the card as self-contained HTML, whose ids lead to their lines in the report beside it."""
        return render("model_card.html.j2", card=self)

    def markdown(self) -> str:
        """Return the card as Markdown."""
        return render("model_card.md.j2", card=self, cell=_cell)


def model_card(study: Study, signature: LockedSignature, results: Results) -> ModelCard:
    """Return the model card of a locked signature.

    Parameters
    ----------
    study : Study
        Its plan gives landmarks, horizon and disclosure threshold.
    signature : LockedSignature
    results : Results
        Of `read_ledger`; a part whose numbers are not there yet says so.
    """
    info, threshold = study.plan.study, study.plan.disclosure.threshold
    banner = info.caution or ("Simulated data: no number on this page is a finding." if info.synthetic else "")
    return ModelCard(
        title=f"Model card: {display_name(signature.name)}",
        subtitle=f"{info.title}{f' · {info.registration}' if info.registration else ''}",
        banner=banner,
        sections=(
            _what(signature),
            _use(study),
            _data(results, threshold),
            _performance(results, threshold),
            _scoring(signature),
            _limits(signature, results),
            CardSection("Genes", tables=(_genes(signature),)),
            _provenance(study, signature, results),
        ),
    )


def write_model_card(study: Study) -> tuple[Path, Path]:
    """Write ``reports/<study>/model_card.md`` and ``.html``, each whole or not at all.

    Raises
    ------
    SignatureError
        No signature has been locked, or it is damaged.
    DisclosureError
        The card would show a patient or a small count.
    """
    from lumier_analysis.signature import LockedSignature

    if not study.signature_path.is_file():
        raise SignatureError("there is no locked signature to describe", fix="run notebook 02_signature_derivation")
    card = model_card(study, LockedSignature.load(study.signature_path), read_ledger(study))
    texts = {"model_card.md": card.markdown(), "model_card.html": card.html()}
    study.reports.mkdir(parents=True, exist_ok=True)
    lint_reports(study.reports, study_identifiers(study), texts=texts, threshold=study.plan.disclosure.threshold)
    markdown, page = (write_text_atomic(study.reports / name, text) for name, text in texts.items())
    return markdown, page


def _what(signature: LockedSignature) -> CardSection:
    modules = signature.scores.get(signature.name, []) if signature.kind == "module_score" else []
    made_of = f": mean of {', '.join(modules)}" if modules else ""
    facts = [
        ("Kind", KINDS[signature.kind] + made_of),
        ("Genes", str(len(signature.genes))),
        ("Reference genes", ", ".join(signature.reference_genes)),
        ("Input", "Ct values of a PCR run" if signature.measurement else "an expression matrix, log2"),
        ("Output", "score (higher = higher risk), risk, and a flag at the threshold"),
        ("Threshold", "none" if signature.threshold is None else f"score ≥ {number_text(signature.threshold, 4)}"),
        ("Risk", risk_formula(signature.calibration) or "not calibrated"),
    ]
    return CardSection("What it is", ("A blood transcriptomic score, frozen before validation.",), facts=tuple(facts))


def _use(study: Study) -> CardSection:
    rules = study.plan.landmarks
    if rules.horizon == "next_visit":
        window = f"by the next attended visit, at most {rules.cap_days} days later"
    else:
        window = f"within {rules.horizon_days} days"
    return CardSection(
        "Intended use",
        (
            f"Research. It ranks adults with quiescent systemic lupus erythematosus (SLEDAI at most"
            f" {rules.quiescent_sledai_max}, no flare before) by the risk of a flare {window}, from one blood sample.",
            "It is not meant for treatment decisions, for diagnosis, for samples taken at or after a flare, or for"
            " children, pregnancy or active disease, none of which it was derived in.",
        ),
    )


def _data(results: Results, threshold: int) -> CardSection:
    table = _table(results, DERIVATION, TableSpec("derivation", "Test cohort"), threshold)
    sentence = "Derived on the test cohort alone." if table else "No count of the test cohort is in the ledger."
    return CardSection("Derivation data", (sentence,), tables=table)


def _performance(results: Results, threshold: int) -> CardSection:
    first = headline(results, threshold)
    sentences = [first.line, first.reading] if PRIMARY in results else ["There is no validation result yet."]
    tables = _table(results, INTERNAL, TableSpec("derivation", "Internal validation, test cohort"), threshold)
    tables += _table(results, VALIDATION, TableSpec("validation", "Locked validation, validation cohort"), threshold)
    ids = (first.id,) if PRIMARY in results and first.id else ()
    if withholds([row for table in tables for row in table.rows], threshold):
        sentences.append(legend(threshold))
    return CardSection("Performance", tuple(s for s in sentences if s), ids, tables=tables)


def _scoring(signature: LockedSignature) -> CardSection:
    rule = signature.missing_gene_rule
    if rule["rule"] == "module_mean":
        missing = f"A module is the mean of its measured genes, at least {rule['minimum_fraction']:.0%} of them."
    else:
        missing = f"A missing gene counts as average, up to {rule['maximum_missing_fraction']:.0%} of the genes."
    sentences = [
        "Expression is the mean Ct of the reference genes minus the Ct, in log2 units."
        if signature.measurement
        else "Expression is log2, relative to the mean of the reference genes.",
        f"Genes are z-scored against a frozen reference ({display_name(signature.scaling_reference)}); nothing is"
        " estimated on the samples that are scored.",
        missing,
    ]
    facts: list[tuple[str, str]] = []
    if (constants := signature.measurement) is not None:
        facts = [
            ("Limit of detection", f"{number_text(constants['limit_of_detection'], 1)} cycles"),
            ("Inter-plate calibrator", constants["calibrator"] or "none"),
            ("Untrusted reactions", f"at most {constants['maximum_missing_fraction']:.0%} of a sample's panel"),
        ]
    sentences.append("To score a plate: lumier score PLATE --signature locked_signature.json")
    return CardSection("How a sample is scored", tuple(sentences), facts=tuple(facts))


def _limits(signature: LockedSignature, results: Results) -> CardSection:
    sentences = [
        "Numbers of internal validation come from the cohort the signature was derived from; only another cohort shows"
        " what it does elsewhere.",
        "Risks hold for the event rate and the visit schedule of the study; elsewhere they need recalibration.",
    ]
    if PRIMARY not in results:
        sentences.insert(0, "It has not been validated in patients it was not derived from.")
    if signature.genes_left_out:
        sentences.append(f"Panel genes without a usable scaling, left out: {', '.join(signature.genes_left_out)}.")
    if signature.measurement is None:
        sentences.append("Its constants are those of one array platform: it cannot be applied to PCR.")
    return CardSection("Limits", tuple(sentences))


def _genes(signature: LockedSignature) -> Table:
    columns = (("weight", "Weight"), ("mean", "Mean, log2"), ("sd", "SD, log2"))
    rows = []
    for gene in signature.genes:
        values = (signature.weights[gene], signature.scaling[gene]["mean"], signature.scaling[gene]["sd"])
        cells = {key: number_text(value, 4) for (key, _), value in zip(columns, values, strict=True)}
        rows.append(Row(gene, "", "", cells))
    return Table("Weights of z-scores and frozen reference", columns, tuple(rows))


def _provenance(study: Study, signature: LockedSignature, results: Results) -> CardSection:
    sentences = [
        "The signature file verifies itself to the byte when it is read; its content hash must be the one below."
        " Weights, constants, threshold and risk are that file's.",
    ]
    if results:
        sentences.append(
            "Every other number is an entry of the study's ledger, under the id beside it: report.html, section"
            " Provenance, gives its notebook cell, plan item and inputs."
        )
    lock = read_lock(study)
    times, departed = len(lock["amendments"]) if lock else 0, len(departures(study))
    return CardSection(
        "Provenance",
        tuple(sentences),
        facts=(
            ("Plan lock (content hash)", lock["hashes"]["content"] if lock else "the plan is not locked"),
            *((("Amendments of the plan", str(times)),) if times else ()),
            *((("Departures that no amendment records", str(departed)),) if departed else ()),
            ("Content hash", signature.hashes["content"]),
            ("Plan", signature.plan_hash),
            ("Derivation data", signature.data_hash),
            ("Software", signature.software),
            ("Test vectors", f"{len(signature.test_vectors)}, all reproduced"),
        ),
    )


def _table(results: Results, ids: Iterable[str], spec: TableSpec, threshold: int) -> tuple[Table, ...]:
    """Return the entries under these ids as one table; none where the ledger has none of them."""
    entries = [entry for id in ids for entry in results.entries(id)]
    return (entry_table(entries, spec, threshold),) if entries else ()


def _cell(text: str) -> str:
    """Return a text that stays in its cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")
