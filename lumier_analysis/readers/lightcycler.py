"""Roche LightCycler 480 text: the experiment and its filter on line 1, then one table; CR alone may end the lines.

The export names the sample of a well and not its target: the assay is the filter, until a plate map says more.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.cycles import cycles, flags, numbers
from lumier_analysis.readers.named_table import read_named_table
from lumier_analysis.readers.reactions import Source, full_plate, reaction_table

COLUMNS = {
    "well": ("pos", "position"),
    "sample": ("name", "sample name"),
    "ct": ("cp", "ct", "cq"),
    "include": ("include",),
    "standard": ("standard",),
    "status": ("status",),
    "assay": ("target name", "target", "gene"),
}
REQUIRED = ("well", "sample", "ct", "include")
_FILTER = re.compile(r"Selected Filter:[ \t]*([^\t\r\n]*)")


def parse_lightcycler(text: str, source: Source) -> pd.DataFrame:
    """Read a LightCycler 480 table of Cp.

    Returns
    -------
    DataFrame
        See `lumier_analysis.readers.read_ct`. A blank Cp is "not detected"; "untrusted" are wells that are not
        included, and wells with a remark of the instrument under Status beside their Cp. Names that speak of no
        template ("no template control", "NTC") make the task "ntc", since the format has no type of sample.

    Raises
    ------
    RawDataError
        A damaged table, or wells that are not those of a full plate.
    """
    name = source.name
    table = read_named_table(text, name, COLUMNS, REQUIRED, droppable=("status",))
    lines, well, sample = table.lines, table.get("well"), table.get("sample")
    if not (full_plate(well) or source.whole or source.rows):
        raise RawDataError(
            f"{name} may be cut: its wells are not those of a full plate",
            found=f"{len(lines):,} wells",
            fix="export it again, or give their number as `rows` in the plan if only a subset was exported",
        )
    ct, mark = cycles(table.get("ct"), lines, name)
    doubtful = ~flags(table.get("include"), lines, name, "Include")
    doubtful |= np.array([bool(t) for t in table.get("status")]) & ~np.isnan(ct)
    # 0 stands for "no standard"; a column that is there is never blank, so a blank is a cut.
    absent = frozenset({""}) if "standard" not in table.columns else frozenset()
    known = numbers(table.get("standard"), lines, name, "standard concentration", mark, absent)
    ntc = [bool(re.search(r"\bno[ -]template\b|\bntc\b", s, flags=re.IGNORECASE)) for s in sample]
    task = np.where(known > 0, "standard", np.where(ntc, "ntc", "unknown"))
    seen = _FILTER.search(text)
    dye = seen[1].strip() if seen else ""
    return reaction_table(
        source,
        lines=lines,
        well=well,
        sample=sample,
        assay=[a or dye for a in table.get("assay")],
        ct=ct,
        state=np.select([doubtful, np.isnan(ct)], ["untrusted", "not detected"], "detected"),
        task=list(task),
        sample_type=["NTC" if t == "ntc" else t.capitalize() for t in task],
        quantity=known,
    )
