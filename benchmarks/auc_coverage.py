"""Coverage of the clustered AUC interval by simulation: `python benchmarks/auc_coverage.py`.

Each finished cell is kept in docs/auc_coverage.json, from which docs/auc_coverage.md is written: a run that was
stopped goes on where it was, and its table says how many cells it has.

A patient has four landmarks. Two scores a and b (correlation 1/2) and a latent risk L that depends on their sum are
standard normal, each with the given correlation between landmarks of one patient; a landmark has an event where L
exceeds a cut-off. Both scores have the same true AUC by symmetry. Design A: the first event ends follow-up. Design B:
events recur. Cut-off: 20 % of patients (A), or 5 % of landmarks (B), so that 150 patients have 30 events on average.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import t as student

from lumier_analysis.performance.intervals import separated_interval
from lumier_analysis.performance.placements import placements

ROOT = Path(__file__).resolve().parents[1]
SEED = 20250612
LANDMARKS = 4
Z = 1.959963984540054
STUDIES, TRUTH, SEARCH = 5000, 400_000, 60_000
CHUNK = 1_000_000
DESIGNS, AUCS, EVENTS, CORRELATIONS = "AB", (0.5, 0.6, 0.7, 0.85), (30, 60), (0.0, 0.3, 0.6, 0.9)


EXPLANATION = """\
The truth of a cell is the AUC in {truth:,} patients of the same design (exactly 0.5 where the scores carry nothing).
*clustered*: coverage of the 95 % logit interval of `auc(..., cluster=)`. *naive*: the same interval with DeLong's
standard error, rows taken as independent. It fails in B; in A, where a patient has one event at most, it is nearly
right (lowest coverage {naive:.1f}). *type I*: rejections of `compare_auc` at 5 %. *with t*: the two with
`interval="logit t"` and `reference="t"`, degrees of freedom (patients with an event - 1). In brackets the Monte-Carlo
standard error, all in percent. *left out*: studies without an interval (no event, or events in one patient only).

Bounds set before the run: coverage 92.5-97; type I error 3.5-7.5 (30 events), 4-6.5 (60). The normal quantile is the
pre-specified one. It falls short where recurrent events sit in few patients; Student's t was added when the first
such cells were seen. Cells outside the bounds, marked ! below:
"""


class Cell(NamedTuple):
    """One setting: design, target AUC, expected events, correlation within patients."""

    design: str
    auc: float
    events: int
    correlation: float

    @property
    def patients(self) -> int:
        return 5 * self.events

    @property
    def key(self) -> str:
        return f"{self.design} {self.auc:g} {self.events} {self.correlation:g}"


class Studies(NamedTuple):
    """Simulated studies: arrays of shape (studies, patients, landmarks)."""

    a: np.ndarray
    b: np.ndarray
    event: np.ndarray
    present: np.ndarray


def correlated(rng: np.random.Generator, shape: tuple[int, int], correlation: float) -> np.ndarray:
    """Return standard normals, shape (*shape, LANDMARKS), equally correlated within a patient."""
    level = rng.standard_normal((*shape, 1))
    return math.sqrt(correlation) * level + math.sqrt(1 - correlation) * rng.standard_normal((*shape, LANDMARKS))


def cutoff(cell: Cell) -> float:
    """Return the cut-off of L: it does not depend on the AUC."""
    if cell.design == "B":
        return 1.6448536269514722
    latent = correlated(np.random.default_rng(SEED), (1, TRUTH), cell.correlation)
    return float(np.quantile(latent.max(axis=-1), 0.8))


def simulate(rng: np.random.Generator, cell: Cell, strength: float, cut: float, n: int, patients: int) -> Studies:
    """Return `n` studies of `patients` patients; `strength` is the correlation of L with a + b."""
    shape, rho = (n, patients), cell.correlation
    common, own_a, own_b, rest = (correlated(rng, shape, rho) for _ in range(4))
    a, b = (common + own_a) / math.sqrt(2), (common + own_b) / math.sqrt(2)
    latent = strength * (a + b) / math.sqrt(3) + math.sqrt(1 - strength**2) * rest
    event = latent > cut
    before = np.cumsum(event, axis=-1) - event
    present = before == 0 if cell.design == "A" else np.ones_like(event)
    return Studies(a, b, event & present, present)


def large_auc(cell: Cell, strength: float, cut: float, patients: int, seed: int) -> float:
    """Return the AUC in one very large study; pairs inside a patient vanish there."""
    s = simulate(np.random.default_rng(seed), cell, strength, cut, 1, patients)
    kept = s.present
    # Both scores have the same AUC: their mean has the smaller error.
    return (placements(s.event[kept], s.a[kept]).auc + placements(s.event[kept], s.b[kept]).auc) / 2


def strength_for(cell: Cell, cut: float) -> float:
    """Return the strength that gives the target AUC, by root finding on one fixed large sample."""
    if cell.auc == 0.5:
        return 0.0
    return float(brentq(lambda r: large_auc(cell, r, cut, SEARCH, SEED) - cell.auc, 0.0, 0.999, xtol=0.002))


def patient_parts(score: np.ndarray, event: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return AUC (s,), and placement values of events and others (s, rows; 0 elsewhere). Scores have no ties."""
    order = np.argsort(score, axis=1)
    e, o = (np.take_along_axis(x, order, axis=1) for x in (event, other))
    m, n = event.sum(axis=1, keepdims=True), other.sum(axis=1, keepdims=True)
    sorted_v = np.where(e, np.cumsum(o, axis=1) / n, 0.0) + np.where(o, 1 - np.cumsum(e, axis=1) / m, 0.0)
    v = np.empty_like(sorted_v)
    np.put_along_axis(v, order, sorted_v, axis=1)
    return (v * event).sum(axis=1) / m[:, 0], v * event, v * other


def clustered(v10: np.ndarray, v01: np.ndarray, event: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return Obuchowski's variance of each study from its placement values; NaN below two patients in a class."""
    s, shape = event.shape[0], (event.shape[0], -1, LANDMARKS)
    m, n = event.sum(axis=1), other.sum(axis=1)
    a = ((v10 - (v10.sum(axis=1) / m)[:, None]) * event).reshape(shape).sum(axis=2)
    b = ((v01 - (v01.sum(axis=1) / n)[:, None]) * other).reshape(shape).sum(axis=2)
    k = a.shape[1]
    i10, i01 = (x.reshape(s, k, LANDMARKS).any(axis=2).sum(axis=1) for x in (event, other))
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = i10 / (i10 - 1) * (a * a).sum(axis=1) / m**2 + i01 / (i01 - 1) * (b * b).sum(axis=1) / n**2
    variance = parts + 2 * k / (k - 1) * (a * b).sum(axis=1) / (m * n)
    return np.where((i10 > 1) & (i01 > 1), variance, np.nan)


class Analysed(NamedTuple):
    """Of each study: AUC of a, its clustered and naive variance, difference a - b and its variance."""

    auc: np.ndarray
    clustered: np.ndarray
    naive: np.ndarray
    difference: np.ndarray
    variance: np.ndarray


def analyse(s: Studies) -> Analysed:
    """Analyse all studies at once; the suite compares the result with `auc` and `compare_auc`, study by study."""
    n = s.a.shape[0]
    event, other = s.event.reshape(n, -1), (s.present & ~s.event).reshape(n, -1)
    auc_a, a10, a01 = patient_parts(s.a.reshape(n, -1), event, other)
    auc_b, b10, b01 = patient_parts(s.b.reshape(n, -1), event, other)
    m, k = event.sum(axis=1), other.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        within_e = ((a10 - auc_a[:, None] * event) ** 2).sum(axis=1) / (m - 1)
        within_o = ((a01 - auc_a[:, None] * other) ** 2).sum(axis=1) / (k - 1)
    naive = within_e / m + within_o / k
    both = clustered(a10 - b10, a01 - b01, event, other)
    return Analysed(auc_a, clustered(a10, a01, event, other), naive, auc_a - auc_b, both)


def covered(auc: np.ndarray, variance: np.ndarray, truth: float, quantile: Any = Z) -> np.ndarray:
    """Return whether the 95 % logit interval holds the truth."""
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(variance) / (auc * (1 - auc))
        low, high = expit(logit(auc) - quantile * spread), expit(logit(auc) + quantile * spread)
    return (low <= truth) & (truth <= high)


def run_cell(cell: Cell, studies: int, truth_patients: int) -> dict[str, Any]:
    """Return coverage and type I error of one cell."""
    start = time.perf_counter()
    number = [*cells()].index(cell)
    cut = cutoff(cell)
    strength = strength_for(cell, cut)
    truth = 0.5 if strength == 0 else large_auc(cell, strength, cut, truth_patients, SEED + 1000 + number)
    rng = np.random.default_rng([SEED, number])
    size = max(1, CHUNK // (cell.patients * LANDMARKS))
    counts = {"estimable": 0, "clustered": 0, "naive": 0, "rejected": 0, "tested": 0, "separated": 0, "events": 0}
    counts |= {"student": 0, "student_rejected": 0, "event_patients": 0}
    done = 0
    while done < studies:
        now = min(size, studies - done)
        s = simulate(rng, cell, strength, cut, now, cell.patients)
        events = s.event.sum(axis=(1, 2))
        counts["events"] += int(events.sum())
        s = Studies(*(x[events > 0] for x in s))
        r = analyse(s)
        ok = (r.clustered > 1e-24) & (r.auc > 0) & (r.auc < 1)
        counts["estimable"] += int(ok.sum())
        counts["clustered"] += int(covered(r.auc[ok], r.clustered[ok], truth).sum())
        counts["naive"] += int(covered(r.auc[ok], r.naive[ok], truth).sum())
        patients = s.event.any(axis=2).sum(axis=1)
        counts["event_patients"] += int(patients.sum())
        quantile = student.ppf(0.975, np.maximum(patients - 1, 1))
        counts["student"] += int(covered(r.auc[ok], r.clustered[ok], truth, quantile[ok]).sum())
        for i in np.flatnonzero((r.auc == 0) | (r.auc == 1)):
            pairs = int(min(s.event[i].any(axis=1).sum(), cell.patients // 2))
            limits = separated_interval(float(r.auc[i]), pairs, 0.95)
            counts["separated"] += 1
            counts["estimable"] += 1
            for name in ("clustered", "student"):
                counts[name] += int(limits.low <= truth <= limits.high)
        tested = r.variance > 1e-24
        counts["tested"] += int(tested.sum())
        z = np.abs(r.difference[tested]) / np.sqrt(r.variance[tested])
        counts["rejected"] += int((z > Z).sum())
        counts["student_rejected"] += int((z > quantile[tested]).sum())
        done += now
    seconds = time.perf_counter() - start
    setting = {**cell._asdict(), "patients": cell.patients, "strength": strength, "truth": truth}
    return setting | {"studies": studies, **counts, "seconds": seconds}


def cells() -> list[Cell]:
    """Return every cell of the full run."""
    return [Cell(*setting) for setting in product(DESIGNS, AUCS, EVENTS, CORRELATIONS)]


def share(hits: int, trials: int) -> tuple[float, float]:
    """Return a percentage and its Monte-Carlo standard error."""
    p = hits / trials
    return 100 * p, 100 * math.sqrt(p * (1 - p) / trials)


def verdicts(result: dict[str, Any], which: str = "") -> tuple[bool, bool]:
    """Return whether coverage and type I error lie within the bounds set beforehand; `which` "student": with t."""
    low, high = (3.5, 7.5) if result["events_expected"] == 30 else (4.0, 6.5)
    coverage = share(result[which or "clustered"], result["estimable"])[0]
    return 92.5 <= coverage <= 97, low <= share(result[f"{which}_rejected".lstrip("_")], result["tested"])[0] <= high


def table(results: list[dict[str, Any]]) -> str:
    """Return the Markdown page."""
    design = (__doc__ or "").split("\n\n")[2].strip()
    lowest = min(share(r["naive"], r["estimable"])[0] for r in results if r["design"] == "A")
    lines = [
        "# Coverage of the clustered AUC interval",
        "",
        f"Written by `python benchmarks/auc_coverage.py` (seed {SEED}): {len(results)} of {len(cells())} cells, "
        f"{results[0]['studies']:,} studies a cell, {sum(r['seconds'] for r in results) / 60:.0f} minutes.",
        "",
        design,
        "",
        EXPLANATION.format(truth=TRUTH, naive=lowest),
    ]
    for letter in DESIGNS:
        of = [r for r in results if r["design"] == letter]
        for name, which in (("normal quantile (the default)", ""), ("Student's t", "student")):
            outside = [sum(not verdicts(r, which)[i] for r in of) for i in (0, 1)]
            lines.append(f"- design {letter}, {name}: coverage {outside[0]}, type I error {outside[1]} of {len(of)}")
    head = "design | AUC | events | patients | event patients | correlation | true AUC | clustered | naive | type I"
    head += " | with t: clustered | type I | left out"
    lines += ["", f"| {head} |", "|---" * 13 + "|"]
    for r in results:
        shares = ["{:.1f} ({:.1f})".format(*share(r["naive"], r["estimable"]))]
        for which in ("", "student"):
            pairs = ((which or "clustered", "estimable"), (f"{which}_rejected".lstrip("_"), "tested"))
            for (hits, trials), ok in zip(pairs, verdicts(r, which), strict=True):
                shares.append("{:.1f} ({:.1f})".format(*share(r[hits], r[trials])) + ("" if ok else " **!**"))
        naive, c, t, sc, st = shares
        lines.append(
            f"| {r['design']} | {r['auc']:g} | {r['events_expected']} | {r['patients']} "
            f"| {r['event_patients'] / r['studies']:.1f} | {r['correlation']:g} | {r['truth']:.4f} "
            f"| {c} | {naive} | {t} | {sc} | {st} | {r['studies'] - r['estimable']} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "auc_coverage.md")
    parser.add_argument("--studies", type=int, default=STUDIES)
    parser.add_argument("--fresh", action="store_true", help="forget finished cells")
    arguments = parser.parse_args()
    kept = arguments.out.with_suffix(".json")
    found = json.loads(kept.read_text("utf-8")) if kept.is_file() and not arguments.fresh else {}
    for cell in cells():
        if found.get(cell.key, {}).get("studies") != arguments.studies:
            result = run_cell(cell, arguments.studies, TRUTH)
            result = {"events_expected": cell.events, "mean_events": result["events"] / arguments.studies} | result
            found[cell.key] = result
            kept.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
            print(f"{cell.key}: {result['seconds']:.1f} s", flush=True)
        done = [found[c.key] for c in cells() if found.get(c.key, {}).get("studies") == arguments.studies]
        arguments.out.write_text(table(done), "utf-8")


if __name__ == "__main__":
    main()
