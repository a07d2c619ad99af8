from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumier_analysis import cli
from lumier_analysis.errors import PrivacyError
from lumier_analysis.pipeline.score import score_plate_file
from lumier_analysis.qpcr import FrozenMeasurement
from lumier_analysis.signature import LockContext, LockedSignature, lock_module_score
from lumier_analysis.signature.calibrate import fit_calibration

GENES = ("IFI44", "IFIT1", "RSAD2")
REFERENCES = {"HPRT1": 12.0, "TBP": 14.0}
HEAD = """Chip Run Info,D:\\x\\ChipRun.bml,1361412001,48.48 (113x),GE 48x48 Standard v1,ROX,FAM-MGB,1/13/2021 9:19:44 AM
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


def biomark(samples: dict[str, dict[str, float]]) -> str:
    """A 48.48 export: sample -> assay -> Ct; 999 elsewhere, blank inlets after the samples."""
    assays = [*REFERENCES, *GENES] + [f"OTHER{i:02d}" for i in range(48 - len(REFERENCES) - len(GENES))]
    lines = []
    for i in range(48):
        name = list(samples)[i] if i < len(samples) else ""
        for j, assay in enumerate(assays):
            ct = samples.get(name, {}).get(assay, math.nan)
            kind = "NTC" if name == "NTC" else "Unknown"
            value = "999,0,Fail" if math.isnan(ct) else f"{ct:.4f},0.9,Pass"
            lines.append(f"S{i + 1:02d}-A{j + 1:02d},{name},{kind},1,{assay},Test,{value},0.01")
    return HEAD + "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def locked(tmp_path_factory) -> Path:
    rng = np.random.default_rng(0)
    score = rng.standard_normal(80)
    context = LockContext(
        modules={"M1": list(GENES)},
        scores={"interferon": ["M1"]},
        reference_genes=list(REFERENCES),
        mean=pd.Series(dict.fromkeys(GENES, 1.0)),
        sd=pd.Series(dict.fromkeys(GENES, 2.0)),
        scaling_reference="quiescent_first_visit",
        calibration=fit_calibration(rng.random(80) < 1 / (1 + np.exp(-score)), score),
        threshold=0.5,
        plan_hash="p" * 64,
        data_hash="d" * 64,
        measurement=FrozenMeasurement(
            limit_of_detection=25.0,
            reference_levels=pd.Series(REFERENCES),
            calibrator="IPC",
            calibrator_levels=pd.Series(dict.fromkeys([*GENES, *REFERENCES], 15.0)),
        ),
    )
    return lock_module_score(context, "interferon").save(tmp_path_factory.mktemp("lock") / "locked_signature.json")


def sample(z: float, late: float = 0.0) -> dict[str, float]:
    """Ct values of a sample whose genes all lie `z` standard deviations above the reference."""
    return {g: ct + late for g, ct in REFERENCES.items()} | dict.fromkeys(GENES, 13.0 + late - (1.0 + 2.0 * z))


@pytest.fixture
def plate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "plate_7.csv"
    broken = sample(0.0) | dict.fromkeys(REFERENCES, math.nan)
    samples = {"high": sample(1.0, 0.3), "low": sample(-1.0, 0.3), "=cmd": broken, "NTC": {}}
    path.write_text(biomark(samples | {"IPC": dict.fromkeys([*GENES, *REFERENCES], 15.3)}))
    return path


def test_a_plate_goes_to_csv_and_to_a_page(plate, locked, capsys):
    assert cli.main(["score", "plate_7.csv", "--signature", str(locked)]) == 0
    said = capsys.readouterr()
    assert "2 of 3 samples scored." in said.out and "median shift in cycles: plate_7 +0.30" in said.out
    table = pd.read_csv("plate_7_scores.csv", index_col="sample_id")
    assert table.index.tolist() == ["high", "low", "'=cmd"]
    np.testing.assert_allclose(table["score"].iloc[:2], [1.0, -1.0], atol=1e-9)
    assert table["flag"].tolist()[:2] == [True, False] and np.isnan(table["score"].iloc[2])
    assert table["reason"].iloc[2] == "0 of 2 reference genes usable"
    assert (table["signature"] == LockedSignature.load(locked).hashes["content"]).all()
    page = Path("plate_7_scores.html").read_text(encoding="utf-8")
    for words in ("high", "at or above the threshold", "Not scorable", "0 of 2 reference genes usable", "1.000"):
        assert words in page
    assert "2 of 3 samples scored" in page and "http" not in page


def test_the_same_plate_gives_the_same_bytes_wherever_they_go(plate, locked):
    first = score_plate_file(plate, locked)
    again = score_plate_file(plate, locked, out="elsewhere/x.csv")
    folder = score_plate_file(plate, locked, out="results.v2")
    assert folder.csv == Path("results.v2/plate_7_scores.csv")
    assert first.csv.read_bytes() == again.csv.read_bytes() == folder.csv.read_bytes()
    assert first.page.read_bytes() == again.page.read_bytes()


def test_without_a_calibrator_on_the_plate(tmp_path, monkeypatch, locked, capsys):
    monkeypatch.chdir(tmp_path)
    Path("bare.csv").write_text(biomark({"one": sample(0.0)}))
    assert cli.main(["score", "bare.csv", "--signature", str(locked)]) == 14
    assert "gave no Ct. Found: chip bare" in capsys.readouterr().err
    assert not Path("bare_scores.csv").exists()
    assert cli.main(["score", "bare.csv", "--signature", str(locked), "--no-calibrator"]) == 0
    assert "switched off" in capsys.readouterr().out


def test_a_plate_of_which_nothing_can_be_scored_still_lists_why(tmp_path, monkeypatch, locked, capsys):
    monkeypatch.chdir(tmp_path)
    nothing = dict.fromkeys([*GENES, *REFERENCES], math.nan)
    Path("poor.csv").write_text(biomark({"one": nothing, "IPC": dict.fromkeys([*GENES, *REFERENCES], 15.0)}))
    assert cli.main(["score", "poor.csv", "--signature", str(locked)]) == 14
    assert "0 of 2 reference genes usable (1)" in capsys.readouterr().err
    assert "0 of 2 reference genes usable" in Path("poor_scores.csv").read_text()


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda p, s: (p, s.parent / "absent.json"), 14, "no locked signature at"),
        (lambda p, s: (p, p), 14, "plate_7.csv is not a JSON file"),
        (lambda p, s: (p.parent / "absent.csv", s), 11, "there is no plate file"),
        (lambda p, s: (s, s), 11, "locked_signature.json is no PCR export that can be read here"),
    ],
)
def test_a_users_mistake_is_one_line(plate, locked, capsys, change, code, words):
    given, signature = change(plate, locked)
    assert cli.main(["score", str(given), "--signature", str(signature)]) == code
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert sorted(p.name for p in plate.parent.iterdir()) == ["plate_7.csv"]


def test_a_tampered_signature_and_a_foreign_panel_are_refused(plate, locked, tmp_path, capsys):
    forged = tmp_path / "forged.json"
    forged.write_text(locked.read_text().replace('"threshold": 0.5', '"threshold": 0.4'))
    assert cli.main(["score", str(plate), "--signature", str(forged)]) == 14
    assert "was altered. Found: changed: threshold" in capsys.readouterr().err
    foreign = tmp_path / "foreign.csv"
    foreign.write_text(plate.read_text().replace("TBP", "ACTB"))
    assert cli.main(["score", str(foreign), "--signature", str(locked)]) == 14
    assert "lacks reference genes of the signature interferon. Found: no TBP" in capsys.readouterr().err


def test_places_that_must_not_be_written(plate, locked, tmp_path, capsys):
    assert cli.main(["score", str(plate), "--signature", str(locked), "--out", str(plate)]) == 2
    assert "replace the plate itself" in capsys.readouterr().err
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "lumier_analysis").mkdir()
    with pytest.raises(PrivacyError, match="reports/"):
        score_plate_file(plate, locked, out=tmp_path / "reports" / "x")
    (tmp_path / "file").touch()
    assert cli.main(["score", str(plate), "--signature", str(locked), "--out", str(tmp_path / "file" / "x.csv")]) == 2
    assert "is a file, not a folder" in capsys.readouterr().err
