"""What a well was for, in one vocabulary for every instrument."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Words of the instruments (lower case) -> ours. RDML writes the short forms of its schema.
_TASKS = {
    "unknown": ("unknown", "unkn", "unk", "sample", "target", "endogenous control", "reference", "test", ""),
    "ntc": ("ntc", "no template control"),
    "standard": ("standard", "std"),
    "nac": ("nac", "no amplification control"),
    "nrt": ("nrt", "no rt", "no rt control", "no reverse transcriptase"),
    "ntp": ("ntp", "no target present"),
    "negative": ("neg ctrl", "negative", "negative control"),
    "positive": ("pos", "positive", "positive control", "pos ctrl"),
    "calibrator": ("calibrator", "cal", "ipc calibrator", "interplate calibrator"),
    "optical": ("opt", "optical calibrator"),
}
_OURS = {word: task for task, words in _TASKS.items() for word in words}
#: Our tasks in the words that Biomark exports and most instruments use for the type of a sample.
_TYPES = {"unknown": "Unknown", "standard": "Standard", "ntc": "NTC", "nac": "NAC", "nrt": "NRT", "ntp": "NTP"} | {
    "positive": "Positive Control",
    "negative": "Negative Control",
    "calibrator": "Calibrator",
    "optical": "Optical Calibrator",
}
_ASSAY_ROLES = {"target", "endogenous control", "reference", "test"}


def well_task(word: str) -> str:
    """Return what a well was for: unknown, ntc, standard, nac, nrt, ntp, positive, negative,
    calibrator, optical or other.

    Examples
    --------
    >>> well_task("Std-03"), well_task("UNKNOWN"), well_task("Blocked IPC")
    ('standard', 'unknown', 'other')
    """
    plain = " ".join(word.casefold().replace("_", " ").split())
    return _OURS.get(plain) or _OURS.get(re.sub(r"[\s-]*\d+$", "", plain), "other")


def well_tasks(words: Iterable[str]) -> list[str]:
    """Return `well_task` of every word, each distinct word looked at once."""
    known: dict[str, str] = {}
    return [known[w] if w in known else known.setdefault(w, well_task(w)) for w in words]


def sample_types(words: Iterable[str]) -> list[str]:
    """Return the type of every sample in one spelling ("Std-03", "STANDARD" -> "Standard"); other words as they are."""
    return [_TYPES.get(well_task(w), w) for w in words]


def assay_roles(words: Iterable[str]) -> list[str]:
    """Return the words that tell what the assay, not the sample, is for ("Endogenous Control"); "" for others."""
    return [w if w.casefold() in _ASSAY_ROLES else "" for w in words]
