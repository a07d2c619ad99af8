"""Write a synthetic study: raw exports in `raw/`, the truth in `truth/`, both whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import UsageError
from lumier_analysis.simulation import dirt, population
from lumier_analysis.simulation.chips import Chip, arrange, failing_samples, read_chip, table_results
from lumier_analysis.simulation.clinic import examine
from lumier_analysis.simulation.course import FLARE_EFFECT, POST_EFFECT, follow, levels_at, visit_rows
from lumier_analysis.simulation.ecrf import (
    flares_table,
    french_csv,
    patients_table,
    samples_table,
    visits_table,
    with_direct_identifiers,
)
from lumier_analysis.simulation.expression import sample_ct
from lumier_analysis.simulation.panel import INTERFERON_MODULES, MODULE_NAMES, MODULES
from lumier_analysis.simulation.truth import true_auc
from lumier_analysis.study.io import json_text, write_text_atomic
from lumier_analysis.study.seal import RECIPIENT, new_identity

MINIMUM_PATIENTS = 40
#: The secret key of the synthetic study's seal.
IDENTITY = "truth/identity.txt"
#: Each part of the simulation has its own stream of random numbers: a change in one leaves the others alone.
_STREAMS = ("people", "course", "clinic", "expression", "chips", "text", "dirt", "privacy")


def _plate_map(chips: list[Chip]) -> pd.DataFrame:
    """Return plan_de_puces.csv: one row a sample inlet."""
    rows = [(chip.name, f"S{i:02d}", code) for chip in chips for i, code in enumerate(chip.inlets, start=1)]
    return pd.DataFrame(rows, columns=["PUCE", "ENTREE", "CODE_TUBE"], dtype=object)


def _model(seed: int, truth_patients: int, counts: dict[str, int]) -> dict[str, Any]:
    """Return truth/model.json: what went in, and the AUC that came of it."""
    auc = true_auc(truth_patients, seed)
    signal = (*INTERFERON_MODULES, "M4.11", "M5.15")
    return {
        "seed": seed,
        "true_auc": {
            "score": "interferon: mean of the module scores M1.2, M3.4, M5.12, measured",
            "rule": "flare by the next attended planned visit, at most 112 days on; quiet visits before any flare",
            **{k: round(v, 5) if isinstance(v, float) else v for k, v in asdict(auc).items()},
        },
        "log_hazard_ratio_per_sd": population.LOG_HAZARD_RATIO,
        "mean_rate_per_year": population.MEAN_RATE,
        "frailty_variance": population.FRAILTY_VARIANCE,
        "centre_sd": population.CENTRE_SD,
        "signal_modules": list(signal),
        "signal_genes": {m: list(MODULES[m]) for m in signal},
        "icc": population.ICC,
        "flare_effect_sd": dict(zip(MODULE_NAMES, FLARE_EFFECT.tolist(), strict=True)),
        "one_month_effect_sd": dict(zip(MODULE_NAMES, POST_EFFECT.tolist(), strict=True)),
        "study": counts,
    }


def _files(n_patients: int, seed: int, n_centres: int, truth_patients: int) -> dict[str, bytes]:
    """Return every file of the study: path below the study folder -> content."""
    children = np.random.SeedSequence(seed).spawn(len(_STREAMS))
    rng = {name: np.random.default_rng(child) for name, child in zip(_STREAMS, children, strict=True)}
    people = population.draw_patients(n_patients, n_centres, rng["people"])
    levels = population.draw_levels(people, rng["people"])
    course = follow(people, levels, rng["course"])
    rows = visit_rows(course, rng["course"])
    findings, flares = examine(people, course, rows, rng["clinic"])

    sampled = np.flatnonzero(rows.sampled)
    owner = rows.patient[sampled]
    ct = sample_ct(levels_at(rows, levels, course.severe, rng["expression"])[sampled], owner, rng["expression"])
    tubes = np.array([f"LB{100000 + 7 * k}" for k in rng["chips"].permutation(len(sampled))], dtype=object)
    chips = arrange(owner, people.cohort[owner], tubes, rng["chips"])
    failing = failing_samples(len(sampled), rng["chips"])

    text = rng["text"]
    samples = samples_table(people, rows, tubes, text)
    patients, visits, shown, planted = dirt.plant(
        patients_table(people, course, text), visits_table(people, rows, findings, text), samples, chips,
        dirt.quiet_patients(people, course, rows), rng["dirt"],
    )  # fmt: skip
    files = {
        "raw/ecrf_patients.csv": french_csv(patients),
        "raw/ecrf_visites.csv": french_csv(visits),
        "raw/ecrf_poussees.csv": french_csv(flares_table(people, course, flares, text)),
        # Tubes are listed by code, as a biobank does, not by patient.
        "raw/biobanque_tubes.csv": french_csv(samples.sort_values("CODE_TUBE")),
        "raw/plan_de_puces.csv": french_csv(_plate_map(chips)),
    }
    for number, (chip, names) in enumerate(zip(chips, shown, strict=True), start=1):
        value, quality = read_chip(chip, ct, failing, rng["chips"])
        files[f"raw/biomark/{chip.name}.csv"] = table_results(chip.name, number, names, value, quality)
    counts = {
        "patients": n_patients, "flares": len(flares.patient), "patients_with_flare": len(np.unique(flares.patient)),
        "visits": len(rows), "tubes": len(sampled), "failing_tubes": int(failing.sum()), "chips": len(chips),
    }  # fmt: skip
    files["truth/dirt.csv"] = planted.to_csv(index=False, lineterminator="\n").encode("utf-8")
    files["truth/privacy_stop/ecrf_patients.csv"] = french_csv(with_direct_identifiers(patients, rng["privacy"]))
    files["truth/model.json"] = json_text(_model(seed, truth_patients, counts)).encode("utf-8")
    return files


def _key_pair(folder: Path) -> tuple[str, str]:
    """Return the identity and the recipient of the study: those that it has, where they fit; else new ones."""
    try:
        identity = (folder / IDENTITY).read_text(encoding="utf-8")
        recipient = (folder / RECIPIENT).read_text(encoding="utf-8")
    except OSError:
        return new_identity()
    return (identity, recipient) if recipient.strip() in identity else new_identity()


def simulate_study(
    folder: Path,
    *,
    n_patients: int = 300,
    seed: int = 20160911,
    n_centres: int = 6,
    overwrite: bool = False,
    truth_patients: int = 20_000,
    sealed: bool = True,
) -> None:
    """Simulate a study and write its raw files and its truth.

    The same arguments give the same bytes, but for the key pair of the seal, which is random: its identity plays the
    data manager in truth/identity.txt, its recipient stands in seal_recipient.txt, and a pair that is there is kept.
    Files are written to a temporary folder inside `folder` and moved into place at the end; an interrupted run leaves
    no raw/ and no truth/, or the former ones.

    Parameters
    ----------
    folder : Path
        The study folder; receives raw/ and truth/, made if absent.
    n_patients : int
        At least 40; half test, half validation cohort.
    seed : int
        Not negative.
    n_centres : int
        1 to 99.
    overwrite : bool
        Whether an existing raw/ may be replaced.
    truth_patients : int
        Size of the population from which the true AUC is read; at least 200.
    sealed : bool
        Whether the validation outcomes of the study shall be sealed; if not, no key is made and none is kept.

    Raises
    ------
    UsageError
        raw/ exists and `overwrite` is false, or an argument is out of range.
    """
    folder = Path(folder)
    if n_patients < MINIMUM_PATIENTS:
        raise UsageError(f"A synthetic study needs at least {MINIMUM_PATIENTS} patients", found=str(n_patients))
    if not 1 <= n_centres <= 99:
        raise UsageError("The number of centres must be 1 to 99", found=str(n_centres))
    if seed < 0:
        raise UsageError("The seed must not be negative", found=str(seed))
    if (folder / "raw").exists() and not overwrite:
        raise UsageError(
            f"{folder / 'raw'} exists already and is left alone",
            fix="simulate into another folder, or say that it may be overwritten",
        )
    files = _files(n_patients, seed, n_centres, truth_patients)
    recipient = ""
    if sealed:
        identity, recipient = _key_pair(folder)
        files[IDENTITY] = identity.encode("utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder, prefix=".simulating-"))
    try:
        for name, content in files.items():
            path = scratch / "new" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if sealed:
            (scratch / "new" / IDENTITY).chmod(0o600)
        (scratch / "old").mkdir()
        # raw/ comes last: where it stands, its truth and its seal stand too.
        if sealed:
            write_text_atomic(folder / RECIPIENT, recipient)
        else:
            (folder / RECIPIENT).unlink(missing_ok=True)
        for part in ("truth", "raw"):
            if (folder / part).exists():
                (folder / part).replace(scratch / "old" / part)
            (scratch / "new" / part).replace(folder / part)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
