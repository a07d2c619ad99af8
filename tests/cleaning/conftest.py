import shutil

import pytest

from lumier_analysis.simulation import simulate_study
from lumier_analysis.study import project_root


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """The embedded study at its default seed; the population behind the true AUC is small here."""
    folder = tmp_path_factory.mktemp("data") / "synthetic"
    folder.mkdir()
    simulate_study(folder, truth_patients=200)
    shutil.copy(project_root() / "data/synthetic/plan.yml", folder)
    return folder


@pytest.fixture
def broken(simulated, tmp_path):
    """A copy of the study that a test may damage."""
    folder = tmp_path / "synthetic"
    shutil.copytree(simulated, folder)
    return folder
