from __future__ import annotations

from collections import Counter

import numpy as np

from lumier_analysis.simulation.panel import ASSAYS, REFERENCE_GENES


def test_every_chip_is_a_table_results_export(study_folder, chip_tables):
    assert len(chip_tables) >= 16
    for name, table in chip_tables.items():
        lines = (study_folder / "raw" / "biomark" / f"{name}.csv").read_bytes().decode("ascii").split("\r\n")
        assert lines[0].startswith("Chip Run Info,") and f"\\{name}\\" in lines[0]
        assert lines[7] == lines[8] == ""
        assert lines[11] == "ID,Name,Type,rConc,Name,Type,Value,Quality,Call,Threshold"
        assert not any("\n" in line for line in lines)
        assert len(table) == 9216
        assert [r["assay"] for r in table[:96]] == list(ASSAYS)
        assert table[0]["well"] == "S01-A01" and table[-1]["well"] == "S96-A96"


def test_controls_and_tubes_of_a_chip(chip_tables):
    for table in chip_tables.values():
        names = Counter(r["sample"] for r in table[::96])
        assert names.pop("IPC") == 2
        assert names.pop("NTC") >= 1
        assert set(names.values()) == {1} and len(names) <= 93
        assert all((r["sample"] == "NTC") == (r["sample_type"] == "NTC") for r in table)


def test_states_of_reactions(chip_tables):
    reactions = [
        r for table in chip_tables.values() for r in table if r["sample_type"] == "Unknown" and r["assay"] != "gDNA"
    ]
    for r in reactions:
        assert (r["call"] == "Pass") == (float(r["quality"]) >= 0.65)
        if float(r["ct"]) == 999:
            assert (r["quality"], r["call"]) == ("0", "Fail")
        else:
            assert 3 <= float(r["ct"]) < 29.1
    undetected = np.mean([float(r["ct"]) == 999 for r in reactions])
    untrusted = np.mean([r["call"] == "Fail" and float(r["ct"]) < 999 for r in reactions])
    assert 0.002 < undetected < 0.02
    assert 0.01 < untrusted < 0.025


def test_a_few_samples_fail(chip_tables):
    failed = total = 0
    for table in chip_tables.values():
        for i in range(0, 9216, 96):
            if table[i]["sample"] in ("IPC", "NTC"):
                continue
            bad = sum(r["call"] == "Fail" and r["ct"] != "999" for r in table[i : i + 95]) / 95
            # Nothing near the limit of 0.2, so that failing does not hang on the rule's details.
            assert bad < 0.1 or bad > 0.2
            total += 1
            failed += bad > 0.2
    assert 0.003 < failed / total < 0.03


def test_calibrator_shows_the_chip_effect(chip_tables):
    def mean_ct(table, sample):
        values = [float(r["ct"]) for r in table if (r["sample"] == "IPC") == sample and r["assay"] in REFERENCE_GENES]
        return np.mean([v for v in values if v < 999])

    calibrator = np.array([mean_ct(t, True) for t in chip_tables.values()])
    samples = np.array([mean_ct(t, False) for t in chip_tables.values()])
    assert 0.12 < calibrator.std(ddof=1) < 0.45  # chip SD 0.25 over 16 chips or more
    assert np.corrcoef(calibrator, samples)[0, 1] > 0.8


def test_a_patients_tubes_share_a_chip(raw):
    chip = {r["CODE_TUBE"]: r["PUCE"] for r in raw("plan_de_puces.csv")}
    chips = Counter()
    for patient in {r["NUM_PATIENT"] for r in raw("biobanque_tubes.csv")}:
        chips[len({chip[r["CODE_TUBE"]] for r in raw("biobanque_tubes.csv") if r["NUM_PATIENT"] == patient})] += 1
    assert set(chips) == {1}
