"""What a file says of its own values: code lists, codes that mean missing, and whether its last line has an end.

The legend travels with the raw table in ``DataFrame.attrs``, so that a table stays a plain frame of text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

_KEY = "legend"


@dataclass(frozen=True)
class Legend:
    """What a file says of its values.

    Attributes
    ----------
    codes : mapping
        Column -> code -> label, all text as in the table.
    missing : mapping
        Column -> codes that the file itself declares missing; they stay in the table as they are.
    unfinished : tuple of (str, int)
        File and row of a last record that no line end follows: the file may be cut there.
    """

    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    missing: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unfinished: tuple[tuple[str, int], ...] = ()


def legend_of(frame: pd.DataFrame) -> Legend:
    """Return the legend of a raw table; an empty one where there is none."""
    legend = frame.attrs.get(_KEY)
    return legend if isinstance(legend, Legend) else Legend()


def with_legend(frame: pd.DataFrame, legend: Legend) -> pd.DataFrame:
    """Attach a legend to a raw table, in place, and return the table."""
    frame.attrs[_KEY] = legend
    return frame


def merged(legends: Iterable[Legend]) -> Legend:
    """Put the legends of the files of a pattern together; where two give a code another label, the code has none."""
    codes: dict[str, dict[str, str]] = {}
    disputed: set[tuple[str, str]] = set()
    missing: dict[str, frozenset[str]] = {}
    unfinished: tuple[tuple[str, int], ...] = ()
    for legend in legends:
        for column, labels in legend.codes.items():
            known = codes.setdefault(column, {})
            for code, label in labels.items():
                if known.setdefault(code, label) != label:
                    disputed.add((column, code))
        for column, absent in legend.missing.items():
            missing[column] = missing.get(column, frozenset()) | absent
        unfinished += legend.unfinished
    for column, code in disputed:
        del codes[column][code]
    return Legend(codes, missing, unfinished)
