"""What a qPCR experiment must say of itself (MIQE), what of it is known here, and what is missing."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import pandas as pd

from lumier_analysis.errors import PlanError

#: Key -> (section, item). A choice of the essential items of MIQE (Bustin 2009, Clin Chem 55:611) for relative
#: quantification; what a study must write down itself and what can be read off its exports.
ITEMS: dict[str, tuple[str, str]] = {
    "sample_source": ("Sample", "Tissue, blood tube, and time from sampling to freezing"),
    "sample_storage": ("Sample", "Storage: temperature and time"),
    "extraction": ("Nucleic acid", "Extraction: kit or instrument, and changes to it"),
    "dnase": ("Nucleic acid", "DNase or RNase treatment"),
    "genomic_dna": ("Nucleic acid", "Genomic DNA: how it was assessed, and what was found"),
    "rna_quantity": ("Nucleic acid", "RNA quantity: instrument and amount"),
    "rna_purity": ("Nucleic acid", "RNA purity (A260/A280)"),
    "rna_integrity": ("Nucleic acid", "RNA integrity (RIN): method and limit"),
    "reverse_transcription": ("Reverse transcription", "Enzyme, priming, amount of RNA, reaction volume, temperature"),
    "no_rt_control": ("Reverse transcription", "Control without reverse transcriptase: Cq"),
    "preamplification": ("Reverse transcription", "Pre-amplification: primers, cycles, clean-up"),
    "assays": ("Target", "Assays: gene symbols"),
    "assay_ids": ("Target", "Assay identifiers, accession numbers, amplicon place and length"),
    "sequences": ("Target", "Sequences of primers and probes, or amplicon context sequence"),
    "specificity": ("Validation", "Specificity: gel, sequence, melt or digest"),
    "chemistry": ("Protocol", "Chemistry, reaction volume, concentrations, polymerase"),
    "cycling": ("Protocol", "Thermal cycling conditions"),
    "instrument": ("Protocol", "Instrument and software, with version"),
    "plate": ("Protocol", "Chips or plates: number, kind, order of samples"),
    "efficiency": ("Validation", "Efficiency from the slope, with its interval, and R² of the curve"),
    "linear_range": ("Validation", "Linear dynamic range"),
    "limit_of_detection": ("Validation", "Limit of detection: value and evidence"),
    "no_template_control": ("Validation", "Controls without template: Cq"),
    "inter_plate_calibrator": ("Validation", "Inter-plate calibrator: what it is, and its shifts"),
    "cq_method": ("Analysis", "Cq: method, threshold and baseline"),
    "outliers": ("Analysis", "Outliers: rule and number"),
    "not_detected": ("Analysis", "Not detected: how treated, and number"),
    "normalisation": ("Analysis", "Reference genes: number, choice, and why"),
    "replicates": ("Analysis", "Replicates: number and stage"),
    "repeatability": ("Analysis", "Repeatability within chips: SD of a Cq"),
    "reproducibility": ("Analysis", "Reproducibility between chips"),
    "raw_data": ("Analysis", "Raw data: where they are deposited"),
}
MISSING = "not in the exports"


def miqe_table(known: Mapping[str, str], written: Mapping[str, str]) -> pd.DataFrame:
    """List the items of MIQE with what is known of each.

    Parameters
    ----------
    known : mapping
        Item key -> what plan and exports tell.
    written : mapping
        `qpcr.miqe` of the plan: item key -> free text. Where both speak, both are shown, the plan's text first.

    Returns
    -------
    DataFrame
        Index key, in the order of the list: section, item, value (`MISSING` where nobody knows), source ("plan",
        "exports", "plan and exports" or "missing"), where (the plan key to write it to).

    Raises
    ------
    PlanError
        A key is no item.
    """
    for key in written:
        if key not in ITEMS:
            near = difflib.get_close_matches(key, ITEMS, n=1)
            raise PlanError(
                f"qpcr.miqe.{key} is no item of MIQE",
                found=f"did you mean {near[0]}?" if near else None,
                fix=f"use one of {', '.join(ITEMS)}",
            )
    for key in known:
        if key not in ITEMS:
            raise KeyError(key)
    rows = []
    for key, (section, item) in ITEMS.items():
        text, seen = written.get(key, "").strip(), known.get(key, "").strip()
        source = {(True, True): "plan and exports", (True, False): "plan", (False, True): "exports"}.get(
            (bool(text), bool(seen)), "missing"
        )
        value = "; ".join(part for part in (text, seen) if part) or MISSING
        rows.append((key, section, item, value, source, f"qpcr.miqe.{key}"))
    return pd.DataFrame(rows, columns=["key", "section", "item", "value", "source", "where"]).set_index("key")
