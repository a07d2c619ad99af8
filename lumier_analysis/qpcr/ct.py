"""Read a PCR export whichever instrument wrote it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import read_biomark, recognise_ct


def read_ct(path: str | Path) -> pd.DataFrame:
    """Read the reactions of a PCR export; its format is recognised from its content.

    Parameters
    ----------
    path : path
        A Biomark "Table Results" CSV.

    Returns
    -------
    DataFrame
        sample, sample_type, assay, assay_type, ct, state (detected, not detected, untrusted), quality, well, chip,
        file, row; see `lumier_analysis.readers.read_biomark`.

    Raises
    ------
    RawDataError
        The file is missing, damaged, or in a format that is not read; the message names the format.
    """
    seen = recognise_ct(path)
    # Other Biomark exports go to the same reader: it knows best what to say about them.
    if seen in ("Biomark Table Results", "another Biomark export"):
        return read_biomark(path)
    raise RawDataError(
        f"{Path(path).name} is no PCR export that can be read here",
        found="a file of no known instrument" if seen == "unknown" else f"an export of the kind '{seen}'",
        fix="give a Biomark 'Table Results' export (*.csv)",
    )
