"""File formats in, tidy frames out. Nothing here knows the study.

Names are loaded when they are first used, so that reading a CSV does not load the reader of another format.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lumier_analysis.readers.biomark import read_biomark
    from lumier_analysis.readers.codes import to_category, to_flag
    from lumier_analysis.readers.dates import to_date
    from lumier_analysis.readers.delimited import read_delimited
    from lumier_analysis.readers.files import matching_files, read_file
    from lumier_analysis.readers.geo import SeriesMatrix, read_series_matrix
    from lumier_analysis.readers.instruments import read_ct
    from lumier_analysis.readers.recognise import recognise_ct
    from lumier_analysis.readers.scale import detect_scale, to_log2
    from lumier_analysis.readers.values import (
        Censored,
        Converted,
        to_censored,
        to_integer,
        to_number,
        to_text,
    )

__all__ = [
    "Censored",
    "Converted",
    "SeriesMatrix",
    "detect_scale",
    "matching_files",
    "read_biomark",
    "read_ct",
    "read_delimited",
    "read_file",
    "read_series_matrix",
    "recognise_ct",
    "to_category",
    "to_censored",
    "to_date",
    "to_flag",
    "to_integer",
    "to_log2",
    "to_number",
    "to_text",
]

_HOME = {
    "read_biomark": "biomark",
    "to_category": "codes",
    "to_flag": "codes",
    "to_date": "dates",
    "read_delimited": "delimited",
    "matching_files": "files",
    "read_file": "files",
    "SeriesMatrix": "geo",
    "detect_scale": "scale",
    "read_series_matrix": "geo",
    "to_log2": "scale",
    "recognise_ct": "recognise",
    "read_ct": "instruments",
}


def __getattr__(name: str) -> Any:
    """Load the module that holds a public name (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME.get(name, 'values')}"), name)
