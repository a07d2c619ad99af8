"""The chips of the Biomark: how many chambers they have, and whether an export holds every one of them."""

from __future__ import annotations

import re
from functools import lru_cache

from lumier_analysis.errors import RawDataError

#: Sample inlets x assay inlets of the chips in use.
_CHIPS = ((48, 48), (96, 96), (192, 24), (24, 192))
_CHIP_TYPE = re.compile(r"\b(\d{2,3})\.(\d{2,3})\s*\(")
#: A chamber: its sample inlet, its assay inlet.
CHAMBER = re.compile(r"S(\d{1,3})-A(\d{1,3})")


@lru_cache(maxsize=8)
def grid(samples: int, assays: int) -> frozenset[str]:
    """Return the names of every chamber of a chip."""
    return frozenset(f"S{s:02d}-A{a:02d}" for s in range(1, samples + 1) for a in range(1, assays + 1))


def inlets_of(wells: list[str]) -> list[tuple[int, int]]:
    """Return sample and assay inlet of every chamber."""
    return [(int(m[1]), int(m[2])) for w in wells if (m := CHAMBER.fullmatch(w))]


def chip_size(above: list[tuple[int, list[str]]], wells: list[str]) -> tuple[int, int]:
    """Return the sample and assay inlets of the chip: as its first line says, else the smallest chip that has them."""
    for _, fields in above:
        if fields[0].strip() == "Chip Run Info":
            for field in fields:
                if declared := _CHIP_TYPE.search(field):
                    return int(declared[1]), int(declared[2])
    if whole := next((c for c in _CHIPS if len(wells) == c[0] * c[1] and grid(*c).issuperset(wells)), None):
        return whole
    inlets = inlets_of(wells)
    samples, assays = max(w[0] for w in inlets), max(w[1] for w in inlets)
    fitting = [c for c in _CHIPS if c[0] >= samples and c[1] >= assays]
    return fitting[0] if fitting else (samples, assays)


def chamber_count(chambers: int, chip: tuple[int, int]) -> str:
    """Say how many chambers there are and should be."""
    return f"{chambers:,} chambers instead of {chip[0] * chip[1]:,} ({chip[0]} samples x {chip[1]} assays)"


def refuse_other_chambers(wells: list[str], chip: tuple[int, int], name: str) -> None:
    """Refuse chambers that are not those of the chip, each once, under whatever spelling (S1-A1 is S01-A01)."""
    if len(wells) == chip[0] * chip[1] and grid(*chip).issubset(wells):
        return
    inlets = inlets_of(wells)
    places = set(inlets)
    if len(places) == len(inlets) and places == {(s, a) for s in range(1, chip[0] + 1) for a in range(1, chip[1] + 1)}:
        return
    count = chamber_count(len(wells), chip)
    raise RawDataError(
        f"{name} is cut or damaged: it does not hold every chamber of the chip once",
        found=count if len(wells) != chip[0] * chip[1] else f"{count}, {len(inlets) - len(places)} of them twice",
        fix="export the whole chip again",
    )
