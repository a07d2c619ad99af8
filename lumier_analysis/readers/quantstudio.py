"""Applied Biosystems text exports: QuantStudio, ViiA 7, StepOne, 7500, and the table of Design & Analysis.

Bracketed sections, any of which may be absent, or one plain table; "Cт" may be written with a Cyrillic letter. Wells
that are not used may be left out or stand there blank, so the size of the plate proves nothing: the section
[Sample Setup], or text below the table, does.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.cycles import cycles, flags, numbers
from lumier_analysis.readers.named_table import NamedTable, find_header, read_named_table
from lumier_analysis.readers.reactions import Source, full_plate, reaction_table
from lumier_analysis.readers.tasks import assay_roles, sample_types, well_tasks

#: Flags that say that this well's own Ct cannot be trusted; the others (HIGHSD, ...) speak of its replicates.
_FAILED = ("noamp", "expfail", "blfail", "tholdfail", "ctfail", "cqfail", "badrox", "offscale")
COLUMNS = {
    "well": ("well position", "well"),
    "sample": ("sample name", "sample"),
    "assay": ("target name", "target", "detector name", "detector", "assay name"),
    "task": ("task",),
    "dye": ("reporter",),
    # "c?" is what is left of "Cт" in an encoding without Cyrillic letters.
    "ct": ("ct", "cq", "crt", "c?"),
    "omit": ("omit",),
    "quality": ("cq conf", "cq confidence", "ct conf", "ct confidence"),
    "quantity": ("quantity", "qty"),
    "amplified": ("amp status",),
    **{flag: (flag,) for flag in _FAILED},
}
REQUIRED = ("well", "sample", "assay", "ct")
_SECTION = re.compile(r"^\[([^\]\r\n]+)\][\t ;,]*$", flags=re.MULTILINE)


def sections(text: str) -> dict[str, tuple[int, str]]:
    """Return the first line and the text of every bracketed section, by its name in lower case."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    found = list(_SECTION.finditer(plain))
    ends = [*(m.start() for m in found[1:]), len(plain)][: len(found)]
    return {
        m[1].strip().casefold(): (plain.count("\n", 0, m.end()) + 1, plain[m.end() : end])
        for m, end in zip(found, ends, strict=True)
    }


def _set_up(part: tuple[int, str], name: str) -> set[tuple[str, str]]:
    """Return wells and targets of the section [Sample Setup]; wells that are not used have no target."""
    first, text = part
    wanted = {what: COLUMNS[what] for what in ("well", "sample", "assay")}
    if find_header(text, wanted, ("well", "assay")) is None:
        return set()
    table = read_named_table(text, name, wanted, ("well", "assay"), first)
    return {(w, a) for w, a in zip(table.get("well"), table.get("assay"), strict=True) if a}


def _check_length(table: NamedTable, parts: dict[str, tuple[int, str]], source: Source) -> str | None:
    """Refuse results that lack wells of the set-up; return why the length is not proven, or None."""
    wells, assays = table.get("well"), table.get("assay")
    planned = _set_up(parts["sample setup"], source.name) if "sample setup" in parts else set()
    lost = sorted(planned - set(zip(wells, assays, strict=True)))
    if lost and source.rows is None:
        raise RawDataError(
            f"{source.name} is cut or damaged: its results lack wells that its [Sample Setup] names",
            found=f"{len(lost)} of {len(planned)} wells and targets without a result, first {lost[0][0]}",
            fix="export it again, or give the number of its reactions as `rows` in the plan",
        )
    if planned or table.followed or full_plate(wells):
        return None
    return "neither [Sample Setup], nor text below the table, nor a whole plate shows that no row is missing"


def parse_quantstudio(text: str, source: Source) -> pd.DataFrame:
    """Read the [Results] of an Applied Biosystems text export.

    Parameters
    ----------
    text : str
        The export; `source` says where it comes from.

    Returns
    -------
    DataFrame
        See `lumier_analysis.readers.read_ct`. Undetermined is "not detected". "untrusted" are omitted wells, wells
        whose own Ct failed (flags NOAMP, EXPFAIL, ...; Amp Status other than Amp), and wells with a blank Ct.
        `quality` is the Cq confidence. Wells that the export lists without sample, target and Ct are no reactions:
        they are counted in ``attrs["unused_wells"]``.

    Raises
    ------
    RawDataError
        No results, a damaged table, or results that lack wells of the set-up.
    """
    name, parts = source.name, sections(text)
    if "results" in parts:
        first, text = parts["results"]
    elif parts:
        raise RawDataError(
            f"{name} holds no [Results] section",
            found=", ".join(f"[{p}]" for p in list(parts)[:4]),
            fix="export it again with the results",
        )
    else:
        first = 1
    table = read_named_table(text, name, COLUMNS, REQUIRED, first)
    unproven = _check_length(table, parts, source)
    used = [any(row) for row in zip(*(table.get(c) for c in ("sample", "assay", "ct")), strict=True)]
    table = table.keep(used)
    if not table.lines:
        raise RawDataError(f"{name} holds no reaction", found="only wells that are not used", fix="export it again")
    lines, written = table.lines, table.get("ct")
    ct, mark = cycles(written, lines, name)
    blank = np.array([not t for t in written])
    doubtful = blank.copy()
    if "omit" in table.columns:
        doubtful |= flags(table.get("omit"), lines, name, "Omit")
    for flag in _FAILED:
        doubtful |= np.array([t.casefold() in ("y", "yes", "true") for t in table.get(flag)])
    # Amp Status says Amp, No Amp or Inconclusive; without a Ct, No Amp and Undetermined say the same.
    doubtful |= np.array([t.casefold() not in ("", "amp", "n/a") for t in table.get("amplified")]) & ~np.isnan(ct)
    absent = frozenset({"", "n/a", "nan", "na"})
    task = well_tasks(table.get("task"))
    quantity = numbers(table.get("quantity"), lines, name, "quantity", mark, absent | {"undetermined"})
    frame = reaction_table(
        source,
        lines=lines,
        well=table.get("well"),
        sample=table.get("sample"),
        assay=table.get("assay"),
        dye=table.get("dye"),
        ct=ct,
        state=np.select([doubtful, np.isnan(ct)], ["untrusted", "not detected"], "detected"),
        task=task,
        sample_type=sample_types(table.get("task")),
        assay_type=assay_roles(table.get("task")),
        quality=numbers(table.get("quality"), lines, name, "Cq confidence", mark, absent),
        quantity=quantity,
        unproven=unproven,
    )
    if unused := len(used) - sum(used):
        frame.attrs["unused_wells"] = {name: unused}
    return frame
