from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.mixed.design import build_design
from lumier_analysis.mixed.model import FittedModel, Spread

REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.fixture(scope="session")
def fitted_data():
    """Simulated patients with several visits; made by tests/reference/fitted_model.R."""
    return pd.read_csv(REFERENCE / "fitted_model_data.csv")


@pytest.fixture(scope="session")
def r_says():
    """R's numbers on these patients: section -> table of rows and columns."""
    long = pd.read_csv(REFERENCE / "fitted_model.csv", comment="#")
    return lambda section: (
        long[long["section"] == section]
        .pivot_table(index="row", columns="column", values="value")
        .rename_axis(columns=None)
    )


@pytest.fixture(scope="session")
def least_squares():
    """Ordinary least squares as a model of one variance parameter."""

    def fit(formula, data, level=0.95):
        d = build_design(formula, data)
        cross = d.x.T @ d.x
        beta = np.linalg.pinv(d.x) @ d.y
        df = len(d.y) - d.x.shape[1]
        s2 = float(((d.y - d.x @ beta) ** 2).sum()) / df
        spread = Spread(s2 * np.linalg.inv(cross), -cross[None] / s2**2, np.array([[2 * s2**2 / df]]))
        return FittedModel(
            d, beta, spread, "satterthwaite", 0.0, True, True, False, len(d.y), 1, s2, "least squares", "", level
        )

    return fit
