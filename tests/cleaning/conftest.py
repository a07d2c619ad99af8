import shutil

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.simulation import simulate_study
from lumier_analysis.study import load_plan, project_root


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """The embedded study at its default seed; the population behind the true AUC is small here."""
    folder = tmp_path_factory.mktemp("data") / "synthetic"
    folder.mkdir()
    simulate_study(folder, truth_patients=200, sealed=False)
    shutil.copy(project_root() / "data/synthetic/plan.yml", folder)
    return folder


@pytest.fixture
def broken(simulated, tmp_path):
    """A copy of the study that a test may damage."""
    folder = tmp_path / "synthetic"
    shutil.copytree(simulated, folder)
    return folder


@pytest.fixture
def qpcr_run():
    """A small run: four chips of 20 samples, two calibrators each; the first two chips are the test cohort's.

    Returns a function reactions(**options) and the plan that goes with it.
    """
    plan = load_plan(project_root() / "data/synthetic/plan.yml")
    modules = {"M1.2": [f"I{i}" for i in range(6)], "M5.15": [f"N{i}" for i in range(12)]}
    panel = plan.panel.model_copy(
        update={
            "reference_genes": ["R1", "R2", "R3", "R4"],
            "modules": modules,
            "other_genes": [],
            "scores": {"interferon": ["M1.2"], "neutrophil": ["M5.15"]},
        }
    )
    plan = plan.model_copy(update={"panel": panel})
    genes = [*panel.reference_genes, *panel.genes, "gDNA"]

    def reactions(*, seed: int = 1, unstable: float = 0.15, late: float = 0.0) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        base = np.linspace(9, 17, len(genes))
        base[genes.index("N11")] = 24.6  # often beyond the limit of 25
        spread = np.full(len(genes), 0.15)
        spread[genes.index("R4")] = unstable
        rows = []
        for chip in range(4):
            shift = rng.normal(0, 0.25) + rng.normal(0, 0.05, len(genes)) + (late if chip >= 2 else 0.0)
            names = [f"S{chip}.{i:02d}" for i in range(20)] + ["IPC", "IPC", "NTC"]
            for name in names:
                ct = base + shift + rng.normal(0, 0.15, len(genes))
                if name.startswith("S"):
                    ct = ct + rng.normal(0, 0.5) + rng.normal(0, spread)
                    ct[4:10] -= rng.normal(0, 1.0)
                    ct[10:22] -= rng.normal(0, 0.8)
                ct[-1] = 22.0 if name == "S0.03" else 99.0
                if name == "NTC":
                    ct[:] = 99.0
                rows += [(f"chip_{chip + 1}", name, gene, value) for gene, value in zip(genes, ct, strict=True)]
        frame = pd.DataFrame(rows, columns=["chip", "sample", "assay", "ct"])
        beyond = frame["ct"] > 25.3
        frame["state"] = np.where(beyond, "not detected", "detected")
        frame["ct"] = frame["ct"].mask(beyond)
        frame["sample_type"] = np.where(frame["sample"] == "NTC", "NTC", "Unknown")
        frame["well"] = "S01-A01"
        return frame.astype(dict.fromkeys(("chip", "sample", "assay", "state", "sample_type"), "str"))

    return reactions, plan
