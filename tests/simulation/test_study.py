from __future__ import annotations

import json

import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.simulation import simulate_study, study

SMALL = {"n_patients": 40, "truth_patients": 400}


KEYS = {"seal_recipient.txt", "truth/identity.txt"}


def contents(folder):
    """Everything that was simulated; the key pair is random."""
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    return {name: content for name, content in files.items() if name not in KEYS}


def test_same_seed_same_bytes_and_another_seed_others(tmp_path):
    simulate_study(tmp_path / "a", **SMALL)
    simulate_study(tmp_path / "b", **SMALL)
    simulate_study(tmp_path / "c", seed=5, **SMALL)
    first = contents(tmp_path / "a")
    assert first == contents(tmp_path / "b")
    other = contents(tmp_path / "c")
    assert all(first[name] != other[name] for name in set(first) & set(other))
    assert not [p for p in (tmp_path / "a").iterdir() if p.name not in ("raw", "truth", "seal_recipient.txt")]


@pytest.mark.parametrize("seed", range(6))
def test_small_studies_hold_every_kind_of_error(tmp_path, seed):
    files = study._files(40, seed, 6, 200) if seed else study._files(41, 1, 1, 200)
    rules = {line.split(",")[0] for line in files["truth/dirt.csv"].decode().splitlines()[1:]}
    assert len(rules) == 9


def test_existing_raw_is_left_alone(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "mine.csv").write_text("x")
    with pytest.raises(UsageError, match="left alone"):
        simulate_study(tmp_path, **SMALL)
    assert contents(tmp_path) == {"raw/mine.csv": b"x"}
    simulate_study(tmp_path, overwrite=True, **SMALL)
    assert "raw/mine.csv" not in contents(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"raw", "truth", "seal_recipient.txt"}


def test_interrupted_run_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "plan.yml").write_text("study: {}")

    def stop(self, content):
        if self.name == "model.json":
            raise KeyboardInterrupt
        return len(content)

    monkeypatch.setattr("pathlib.Path.write_bytes", stop)
    with pytest.raises(KeyboardInterrupt):
        simulate_study(tmp_path, **SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ["plan.yml"]


def test_a_key_pair_is_made_kept_and_renewed_where_it_does_not_fit(tmp_path):
    def pair():
        return [(tmp_path / name).read_text(encoding="utf-8") for name in sorted(KEYS)]

    simulate_study(tmp_path, **SMALL)
    first = pair()
    assert first[0].startswith("age1") and first[0].strip() in first[1]
    simulate_study(tmp_path, overwrite=True, **SMALL)
    assert pair() == first
    (tmp_path / "truth" / "identity.txt").unlink()
    simulate_study(tmp_path, overwrite=True, **SMALL)
    second = pair()
    assert second[0] != first[0] and second[0].strip() in second[1]
    simulate_study(tmp_path, overwrite=True, sealed=False, **SMALL)
    assert not [name for name in KEYS if (tmp_path / name).exists()]


@pytest.mark.parametrize("wrong", [{"n_patients": 10}, {"n_centres": 0}, {"seed": -1}])
def test_arguments_out_of_range_are_refused(tmp_path, wrong):
    with pytest.raises(UsageError):
        simulate_study(tmp_path / "x", **wrong)
    assert not (tmp_path / "x").exists()


def test_model_is_written_down(study_folder):
    model = json.loads((study_folder / "truth" / "model.json").read_text(encoding="utf-8"))
    assert model["seed"] == 20160911
    # 2,000 patients: a standard error of 0.014.
    assert 0.62 < model["true_auc"]["value"] < 0.74
    assert model["log_hazard_ratio_per_sd"]["interferon"] == 0.70
    assert sum(len(g) for g in model["signal_genes"].values()) == 67
    assert model["study"]["patients"] == 300
