"""Applied Biosystems SDS 2.x (7900HT): lines of settings, one table, trailer lines; often with CR alone as line end."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.cycles import cycles, flags, numbers
from lumier_analysis.readers.named_table import read_named_table
from lumier_analysis.readers.reactions import Source, full_plate, reaction_table
from lumier_analysis.readers.tasks import assay_roles, sample_types, well_tasks

COLUMNS = {
    "well": ("pos", "position", "well position", "well"),
    "sample": ("sample", "sample name"),
    "assay": ("detector", "detector name"),
    "ct": ("ct",),
    "task": ("task",),
    "flag": ("flag",),
    "omit": ("omit",),
    "plate": ("plate", "plate name"),
    "quantity": ("quantity", "qty"),
}
REQUIRED = ("well", "sample", "assay", "ct")


def parse_sds(text: str, source: Source) -> pd.DataFrame:
    """Read an SDS 2.x results table.

    Returns
    -------
    DataFrame
        See `lumier_analysis.readers.read_ct`. Undetermined is "not detected"; "untrusted" are wells that the software
        flagged although they have a Ct, omitted wells, and wells with a blank Ct. The names of several plates in one
        file are added to `chip`.

    Raises
    ------
    RawDataError
        A damaged table, or one that ends with the file before its plates are full.
    """
    name = source.name
    table = read_named_table(text, name, COLUMNS, REQUIRED)
    lines, written, well = table.lines, table.get("ct"), table.get("well")
    plates = table.get("plate")
    several = len(set(plates)) > 1
    partial = [p for p in Counter(plates) if not full_plate([w for w, q in zip(well, plates, strict=True) if q == p])]
    if partial and not (table.followed or source.whole or source.rows):
        raise RawDataError(
            f"{name} may be cut: it ends with its table, before the plate is full",
            found=f"{len(lines):,} reactions",
            fix="export it again, or give the number of its reactions as `rows` in the plan if not all wells were used",
        )
    ct, mark = cycles(written, lines, name)
    doubtful = np.array([not t for t in written])
    if "flag" in table.columns:
        strange = [(f, n) for f, n in zip(table.get("flag"), lines, strict=True) if f not in ("Passed", "Flagged", "")]
        if strange:
            raise RawDataError(
                f"{name} has a flag that is neither Passed nor Flagged",
                found=f"line {strange[0][1]}",
                fix="export it again",
            )
        # A reaction without Ct is always flagged: there the flag adds nothing.
        doubtful |= np.array([f == "Flagged" for f in table.get("flag")]) & ~np.isnan(ct)
    if "omit" in table.columns:
        doubtful |= flags(table.get("omit"), lines, name, "Omit")
    quantity = numbers(table.get("quantity"), lines, name, "quantity", mark, frozenset({"", "undetermined", "n/a"}))
    return reaction_table(
        source,
        lines=lines,
        well=well,
        sample=table.get("sample"),
        assay=table.get("assay"),
        ct=ct,
        state=np.select([doubtful, np.isnan(ct)], ["untrusted", "not detected"], "detected"),
        task=well_tasks(table.get("task")),
        sample_type=sample_types(table.get("task")),
        assay_type=assay_roles(table.get("task")),
        quantity=quantity,
        chip=[f"{source.chip} {p}" for p in plates] if several else None,
    )
