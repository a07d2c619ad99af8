"""SLEDAI-2K descriptors at quiescent visits and at flares of each organ."""

from __future__ import annotations

import numpy as np

from lumier_analysis.simulation.course import Rows

#: SLEDAI-2K descriptor -> weight (Gladman 2002, J Rheumatol 29:288); the weights sum to 105.
SLEDAI: dict[str, int] = {
    "seizure": 8, "psychosis": 8, "organic_brain_syndrome": 8, "visual_disturbance": 8, "cranial_nerve_disorder": 8,
    "lupus_headache": 8, "cva": 8, "vasculitis": 8, "arthritis": 4, "myositis": 4, "urinary_casts": 4, "haematuria": 4,
    "proteinuria": 4, "pyuria": 4, "rash": 2, "alopecia": 2, "mucosal_ulcers": 2, "pleurisy": 2, "pericarditis": 2,
    "low_complement": 2, "increased_dna_binding": 2, "fever": 1, "thrombocytopenia": 1, "leukopenia": 1,
}  # fmt: skip
WEIGHTS = np.array(list(SLEDAI.values()))
ITEM = {name: i for i, name in enumerate(SLEDAI)}

ORGANS: tuple[str, ...] = ("joint", "skin", "renal", "serosal", "haematological", "neurological", "other")
ORGAN_SHARE = {False: (0.42, 0.33, 0.08, 0.08, 0.03, 0.0, 0.06), True: (0.08, 0.07, 0.45, 0.08, 0.14, 0.12, 0.06)}
#: Descriptors an organ brings to a flare: descriptor -> probability if mild or moderate, if severe.
_ORGAN_ITEMS: dict[str, dict[str, tuple[float, float]]] = {
    "joint": {"arthritis": (1.0, 1.0), "fever": (0.05, 0.4)},
    "skin": {"rash": (1.0, 1.0), "mucosal_ulcers": (0.35, 0.4), "vasculitis": (0.0, 0.6)},
    "renal": {"proteinuria": (1.0, 1.0), "haematuria": (0.0, 0.7), "urinary_casts": (0.0, 0.3), "pyuria": (0.0, 0.4)},
    "serosal": {"pleurisy": (1.0, 0.9), "pericarditis": (0.3, 0.6), "fever": (0.3, 0.7)},
    "haematological": {"thrombocytopenia": (1.0, 1.0), "fever": (0.1, 0.3)},
    "neurological": {"lupus_headache": (0.0, 0.4), "seizure": (0.0, 0.5), "psychosis": (0.0, 0.3)},
    "other": {"fever": (1.0, 0.6), "myositis": (0.0, 0.8)},
}
#: Descriptors that a quiescent patient may have at a visit, with their probability (the rest: none).
_QUIET_ITEMS = {
    "rash": 0.06, "alopecia": 0.05, "mucosal_ulcers": 0.03, "proteinuria": 0.035, "arthritis": 0.015,
    "leukopenia": 0.06, "thrombocytopenia": 0.02,
}  # fmt: skip
#: Probability that a descriptor taking SLEDAI to 5 or 6 is scored at a later visit without a flare.
_ABOVE_FOUR = 0.55


def add_quiet_items(items: np.ndarray, first_visit: np.ndarray, rng: np.random.Generator) -> None:
    """Add, in place, at most one descriptor to each visit of serology alone; never above 4 at M0 nor above 6 later."""
    names = list(_QUIET_ITEMS)
    cumulative = np.cumsum(list(_QUIET_ITEMS.values()))
    pick = (cumulative < rng.random(len(items))[:, None]).sum(axis=1)
    codes = np.array([ITEM[n] for n in names])
    drawn = np.flatnonzero(pick < len(names))
    code = codes[pick[drawn]]
    total = items[drawn] @ WEIGHTS + WEIGHTS[code]
    accepted = (total <= 4) | (~first_visit[drawn] & (total <= 6) & (rng.random(len(drawn)) < _ABOVE_FOUR))
    items[drawn[accepted], code[accepted]] = True


def add_flare_items(items: np.ndarray, rows: Rows, flares: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """Add, in place, the descriptors of the flares, and their remains at the visits that follow."""
    brought = np.zeros((len(flares["row"]), len(SLEDAI)), bool)
    for k, organ in enumerate(ORGANS):
        for name, (mild, severe) in _ORGAN_ITEMS[organ].items():
            chance = np.where(flares["severe"], severe, mild) * (flares["organ"] == k)
            brought[:, ITEM[name]] |= rng.random(len(chance)) < chance
    neurological = flares["organ"] == ORGANS.index("neurological")
    brought[neurological, ITEM["lupus_headache"]] |= ~brought[neurological].any(axis=1)
    brought[flares["medication_only"]] = False
    items[flares["row"]] |= brought
    by_flare = np.full((rows.patient.max() + 1, 2), -1)
    by_flare[flares["patient"], flares["number"]] = np.arange(len(brought))
    trailing = np.flatnonzero(np.isfinite(rows.since) & (rows.since > 0))
    remains = rng.random(len(trailing)) < 0.6 * np.exp(-rows.since[trailing] / 40.0)
    trailing = trailing[remains]
    items[trailing] |= brought[by_flare[rows.patient[trailing], rows.last[trailing]]]
