"""RDML 1.0 to 1.4: a zip that holds ``rdml_data.xml``, or that XML by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.cycles import NO_CT, NO_CT_WORDS, refuse_strange_cycles
from lumier_analysis.readers.reactions import Source, reaction_table
from lumier_analysis.readers.safe_xml import Node, parse_xml
from lumier_analysis.readers.tasks import sample_types, well_tasks

MEMBER = "rdml_data.xml"
_VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?|[+-]?\.\d+([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class _Sample:
    """A sample: its type (per target, "" for all) and its known quantity."""

    types: dict[str, str]
    quantity: float


def _number(text: str, line: int, name: str, what: str) -> float:
    """Read a number of the schema; NaN where it is blank."""
    if not text or text.casefold() in NO_CT_WORDS:
        return float("nan")
    if not _NUMBER.fullmatch(text):
        raise RawDataError(f"{name} has a {what} that is no number", found=f"line {line}", fix="export it again")
    return float(text)


def _identifier(node: Node, what: str, name: str, attribute: str = "id") -> str:
    if found := node.attributes.get(attribute, "").strip():
        return found
    raise RawDataError(
        f"{name} is damaged: a {what} has no {attribute}", found=f"line {node.line}", fix="export it again"
    )


def _samples(root: Node, name: str) -> dict[str, _Sample]:
    found = {}
    for node in root.all("sample"):
        # From version 1.2 on a sample may be a standard for one target and unknown for another.
        types = {t.attributes.get("targetId", ""): t.text.strip() for t in node.all("type")}
        amount = node.first("quantity")
        quantity = float("nan") if amount is None else _number(amount.value("value"), amount.line, name, "quantity")
        found[_identifier(node, "sample", name)] = _Sample(types, quantity)
    return found


def _well(react: str, run: Node) -> str:
    """Return the well of a reaction: it is numbered row by row over the plate."""
    plate = run.first("pcrFormat")
    columns = plate.value("columns") if plate is not None else ""
    if plate is None or not react.isdecimal() or not columns.isdecimal() or int(columns) < 1 or int(react) < 1:
        return react
    row, column = divmod(int(react) - 1, int(columns))
    labels = (plate.value("rowLabel"), plate.value("columnLabel"))
    if labels != ("ABC", "123") or row >= 26 * 26:
        return react
    letter = chr(ord("A") + row) if row < 26 else chr(ord("A") + row // 26 - 1) + chr(ord("A") + row % 26)
    return f"{letter}{column + 1}"


def parse_rdml(content: bytes, source: Source) -> pd.DataFrame:
    """Read the reactions of an RDML document.

    Parameters
    ----------
    content : bytes
        The XML.

    Returns
    -------
    DataFrame
        See `lumier_analysis.readers.read_ct`. No cq, or the schema's -1 ("not available"), is "not detected"; an entry
        with ``excl`` is "untrusted". With several runs, experiment and run are added to `chip`. `row` is the line of
        the ``data`` element in the XML.

    Raises
    ------
    RawDataError
        Not well-formed, another document or version, references to unknown samples or targets, or no Cq at all.
    """
    name = source.name
    root = parse_xml(content, name, skip=("adp", "mdp"))
    version = root.attributes.get("version", "")
    if root.tag != "rdml" or version not in _VERSIONS:
        raise RawDataError(
            f"{name} is no RDML document of version 1.0 to 1.4",
            found=f"<{root.tag[:20]}> of version '{version[:10]}'",
            fix="export it again",
        )
    samples = _samples(root, name)
    targets = {_identifier(t, "target", name): t.value("type") for t in root.all("target")}
    runs = [(e, r) for e in root.all("experiment") for r in e.all("run")]
    rows: dict[str, list] = {k: [] for k in ("line", "well", "sample", "assay", "cq", "excluded", "chip", "type", "q")}
    for experiment, run in runs:
        chip = (
            source.chip
            if len(runs) == 1
            else " ".join((source.chip, _identifier(experiment, "experiment", name), _identifier(run, "run", name)))
        )
        for react in run.all("react"):
            reference = react.first("sample")
            sample = "" if reference is None else _identifier(reference, "sample of a reaction", name)
            if sample not in samples:
                raise RawDataError(
                    f"{name} is damaged: a reaction refers to a sample that it does not describe",
                    found=f"line {react.line}",
                    fix="export it again",
                )
            for data in react.all("data"):
                target = data.first("tar")
                assay = "" if target is None else _identifier(target, "target of a reaction", name)
                if assay not in targets:
                    raise RawDataError(
                        f"{name} is damaged: a reaction refers to a target that it does not describe",
                        found=f"line {data.line}",
                        fix="export it again",
                    )
                kinds = samples[sample].types
                rows["line"].append(data.line)
                rows["well"].append(_well(_identifier(react, "reaction", name), run))
                rows["sample"].append(sample)
                rows["assay"].append(assay)
                rows["cq"].append(_number(data.value("cq"), data.line, name, "cq"))
                rows["excluded"].append(data.first("excl") is not None)
                rows["chip"].append(chip)
                rows["type"].append(kinds.get(assay, kinds.get("", next(iter(kinds.values()), "unkn"))))
                rows["q"].append(samples[sample].quantity)
    ct = np.array(rows["cq"], dtype="float64")
    ct[(ct == -1.0) | (ct == NO_CT)] = np.nan
    if not np.isfinite(ct).any():
        raise RawDataError(
            f"{name} holds no Cq",
            found=f"{len(ct):,} reactions, with curves at most",
            fix="analyse the run in the instrument's software and export it with its Cq",
        )
    refuse_strange_cycles(ct, rows["line"], name)
    return reaction_table(
        source,
        lines=rows["line"],
        well=rows["well"],
        sample=rows["sample"],
        assay=rows["assay"],
        ct=ct,
        state=np.select([np.array(rows["excluded"]), np.isnan(ct)], ["untrusted", "not detected"], "detected"),
        task=well_tasks(rows["type"]),
        sample_type=sample_types(rows["type"]),
        assay_type=[{"ref": "Reference", "toi": "Test"}.get(targets[a], "") for a in rows["assay"]],
        quantity=np.array(rows["q"]),
        chip=rows["chip"],
    )
