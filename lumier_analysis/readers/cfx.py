"""Bio-Rad CFX "Quantification Cq Results": one table whose first column has no name.

Cq Mean and Cq Std. Dev are 0.00 where there is no Cq: only Cq itself is read. Wells that are not used are left out,
and nothing in the file says how many there should be.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumier_analysis.readers.cycles import cycles, numbers
from lumier_analysis.readers.named_table import read_named_table
from lumier_analysis.readers.reactions import Source, full_plate, reaction_table
from lumier_analysis.readers.tasks import sample_types, well_tasks

COLUMNS = {
    "well": ("well",),
    "dye": ("fluor",),
    "assay": ("target", "target name"),
    "content": ("content",),
    "sample": ("sample", "sample name"),
    "ct": ("cq", "c(t)", "ct", "cq value"),
    "quantity": ("starting quantity (sq)", "starting quantity", "sq"),
}
REQUIRED = ("well", "dye", "content", "ct")


def parse_cfx(text: str, source: Source) -> pd.DataFrame:
    """Read a CFX table of Cq.

    Returns
    -------
    DataFrame
        See `lumier_analysis.readers.read_ct`. N/A, NaN and blank Cq are "not detected". A target that was not named
        is called by its dye. ``attrs["length_unproven"]`` is set unless the plate is full: the format counts nothing.

    Raises
    ------
    RawDataError
        A damaged table.
    """
    table = read_named_table(text, source.name, COLUMNS, REQUIRED)
    lines, content, well = table.lines, table.get("content"), table.get("well")
    ct, mark = cycles(table.get("ct"), lines, source.name)
    absent = frozenset({"", "n/a", "nan"})
    return reaction_table(
        source,
        lines=lines,
        well=well,
        sample=table.get("sample"),
        assay=[a or dye for a, dye in zip(table.get("assay"), table.get("dye"), strict=True)],
        dye=table.get("dye"),
        ct=ct,
        state=np.where(np.isnan(ct), "not detected", "detected"),
        task=well_tasks(content),
        sample_type=sample_types(content),
        quantity=numbers(table.get("quantity"), lines, source.name, "starting quantity", mark, absent),
        unproven=None if full_plate(well) else "a CFX export does not say how many wells were used",
    )
