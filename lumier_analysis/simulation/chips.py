"""Dynamic-array chips: which tube goes to which inlet, what the instrument reads, and its Table Results export."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from lumier_analysis.simulation.expression import LIMIT_OF_DETECTION
from lumier_analysis.simulation.panel import ASSAYS, gene_constants

N_INLETS = 96
N_TUBES = 93
CALIBRATOR, NO_TEMPLATE = "IPC", "NTC"
NOT_DETECTED = 999.0
QUALITY_THRESHOLD = 0.65

_CHIP_SD, _CHIP_ASSAY_SD, _REACTION_SD = 0.25, 0.06, 0.15
#: Where detection ends differs a little from reaction to reaction.
_LIMIT_JITTER = 0.3
_UNTRUSTED = 0.01
_FAILING_SAMPLES = 0.012
_GENOMIC = 0.04
_INLETS = [f"S{i:02d}" for i in range(1, N_INLETS + 1)]
_WELLS = [f"{s}-A{a:02d}" for s in _INLETS for a in range(1, len(ASSAYS) + 1)]

_HEADER = """\
Chip Run Info,D:\\LUMIER2\\{name}\\ChipRun.bml,{barcode},96.96 (136x),\
GE 96x96 Standard v2,ROX,FAM-MGB,{date},01:31:27,BIOMARKHD198
Application Version,4.1.2
Application Build,20130621.1446
Export Type,Table Results
Quality Threshold,0.65
Baseline Correction Method,Linear (Derivative)
Ct Threshold Method,Auto (Global)


Experiment Information,Experiment Information,Experiment Information,Experiment Information,Experiment Information,\
Experiment Information,FAM-MGB,FAM-MGB,FAM-MGB,FAM-MGB
Chamber,Sample,Sample,Sample,FAM-MGB,FAM-MGB,Ct,Ct,Ct,Ct
ID,Name,Type,rConc,Name,Type,Value,Quality,Call,Threshold
"""


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip: its name, the 96 tube codes or control names by inlet, each tube's place in the sample list (or -1)."""

    name: str
    inlets: tuple[str, ...]
    sample: np.ndarray


def arrange(patient: np.ndarray, cohort: np.ndarray, tubes: np.ndarray, rng: np.random.Generator) -> list[Chip]:
    """Fill chips cohort by cohort, a patient's tubes on one chip; two inlets are calibrators, the rest no template.

    Parameters
    ----------
    patient, cohort, tubes : ndarray, shape (n_samples,)
        Whose tube it is, of which cohort, and its code; samples of a patient stand together.
    rng : numpy Generator

    Returns
    -------
    list of Chip
    """
    groups: list[list[np.ndarray]] = []
    for name in ("test", "validation"):
        people = rng.permutation(np.unique(patient[cohort == name]))
        filled: list[np.ndarray] = []
        for person in people:
            own = np.flatnonzero(patient == person)
            if sum(map(len, filled)) + len(own) > N_TUBES:
                groups.append(filled)
                filled = []
            filled.append(own)
        if filled:
            groups.append(filled)
    chips = []
    for number, group in enumerate(groups, start=1):
        own = rng.permutation(np.concatenate(group))
        spare = N_INLETS - 2 - len(own)
        inlets = (*(str(t) for t in tubes[own]), *[NO_TEMPLATE] * (spare - 1), CALIBRATOR, CALIBRATOR, NO_TEMPLATE)
        chips.append(Chip(f"chip_{number:02d}", inlets, np.concatenate([own, np.full(spare + 2, -1)])))
    return chips


def read_chip(
    chip: Chip, ct: np.ndarray, failing: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Let the instrument read a chip.

    Parameters
    ----------
    chip : Chip
    ct : ndarray, shape (n_samples, 95)
        Ct of the genes in all samples, without chip effects.
    failing : ndarray of bool, shape (n_samples,)
        Samples a quarter or more of whose reactions are not to be trusted.
    rng : numpy Generator

    Returns
    -------
    ct, quality : ndarray, shape (96, 96)
        By sample and assay inlet; 999 with quality 0 is not detected, a number with quality below 0.65 is untrusted.
    """
    shape = (N_INLETS, len(ASSAYS))
    is_tube = chip.sample >= 0
    names = np.array(chip.inlets)
    value = np.full(shape, NOT_DETECTED)
    value[is_tube, :-1] = ct[chip.sample[is_tube]]
    pool = names == CALIBRATOR
    value[pool, :-1] = gene_constants().mean_ct + rng.normal(0.0, _REACTION_SD, (int(pool.sum()), shape[1] - 1))
    effect = rng.normal(0.0, _CHIP_SD) + rng.normal(0.0, _CHIP_ASSAY_SD, shape[1])
    value = np.where(value < NOT_DETECTED, value + effect, value)
    carried_over = is_tube & (rng.random(N_INLETS) < _GENOMIC)
    value[carried_over, -1] = rng.uniform(21.0, 24.5, int(carried_over.sum()))
    beyond = value > LIMIT_OF_DETECTION + rng.uniform(-_LIMIT_JITTER, _LIMIT_JITTER, shape)
    value = np.where(beyond, NOT_DETECTED, np.maximum(value, 3.0))

    quality = np.round(QUALITY_THRESHOLD + (1 - QUALITY_THRESHOLD) * rng.beta(5.0, 1.3, shape), 3)
    share = np.full(N_INLETS, _UNTRUSTED)
    share[is_tube] = np.where(failing[chip.sample[is_tube]], rng.uniform(0.30, 0.45, int(is_tube.sum())), _UNTRUSTED)
    untrusted = (rng.random(shape) < share[:, None]) & (value < NOT_DETECTED)
    value = np.where(untrusted, np.clip(value + rng.normal(0.0, 1.0, shape), 3.0, 29.0), value)
    quality = np.where(untrusted, np.round(rng.uniform(0.05, 0.64, shape), 3), quality)
    return value, np.where(value == NOT_DETECTED, 0.0, quality)


def failing_samples(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Choose the samples that fail; at least one in every study of 40 samples or more."""
    chosen = rng.random(n_samples) < _FAILING_SAMPLES
    if n_samples >= 40 and not chosen.any():
        chosen[rng.integers(n_samples)] = True
    return chosen


def table_results(name: str, number: int, inlets: tuple[str, ...], ct: np.ndarray, quality: np.ndarray) -> bytes:
    """Write one chip as the instrument's software does: ASCII, commas, CRLF, 12 header lines, 9,216 reactions.

    Parameters
    ----------
    name, number : str, int
        Chip name, as in the plate map, and its number, which makes its barcode and date.
    inlets : tuple of str
        Sample names by inlet.
    ct, quality : ndarray, shape (96, 96)

    Returns
    -------
    bytes
    """
    # All chips are run after the last visit of the last patient.
    run = datetime(2021, 1, 11, 9, 12, 44) + timedelta(days=2 * number, minutes=7 * number)
    header = _HEADER.format(
        name=name, barcode=1361412000 + number, date=f"{run.month}/{run.day}/{run.year} {run.hour}:{run:%M:%S} AM"
    )
    sample_part = [f"{s},NTC,1," if s == NO_TEMPLATE else f"{s},Unknown,1," for s in inlets]
    threshold = 0.0104 + 0.0007 * np.sin(np.arange(len(ASSAYS)) + number)
    assay_part = [f"{a},Test," for a in ASSAYS]
    tail = [f",{t:.9f}" for t in threshold]
    lines = []
    n = len(ASSAYS)
    for k, (well, value, good) in enumerate(zip(_WELLS, ct.ravel().tolist(), quality.ravel().tolist(), strict=True)):
        i, j = divmod(k, n)
        shown = (
            "999,0,Fail"
            if value == NOT_DETECTED
            else f"{value:.6f},{good:.3g},{'Pass' if good >= QUALITY_THRESHOLD else 'Fail'}"
        )
        lines.append(f"{well},{sample_part[i]}{assay_part[j]}{shown}{tail[j]}")
    return (header + "\n".join(lines) + "\n").replace("\n", "\r\n").encode("ascii")
