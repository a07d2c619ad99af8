"""Two small chips with every state of a reaction, controls and a calibrator."""

import numpy as np
import pandas as pd
import pytest

# chip, sample, type, assay, ct, state
ROWS = [
    ("c1", "IPC", "Unknown", "G1", 10.0, "detected"),
    ("c1", "IPC", "Unknown", "G1", 10.2, "detected"),
    ("c1", "IPC", "Unknown", "G2", 15.0, "detected"),
    ("c1", "S1", "Unknown", "G1", 12.0, "detected"),
    ("c1", "S1", "Unknown", "G2", np.nan, "not detected"),
    ("c1", "NTC", "NTC", "G1", 22.0, "detected"),
    ("c1", "NTC", "NTC", "G2", np.nan, "not detected"),
    ("c1", "", "Unknown", "G1", np.nan, "not detected"),
    ("c2", "IPC", "Unknown", "G1", 11.1, "detected"),
    ("c2", "IPC", "Unknown", "G2", 30.0, "untrusted"),
    ("c2", "S2", "Unknown", "G1", 13.0, "detected"),
    ("c2", "S2", "Unknown", "G2", 16.0, "untrusted"),
    ("c2", "blank", "NTC", "G1", 21.0, "untrusted"),
    ("c2", "blank", "NTC", "G2", np.nan, "not detected"),
]


@pytest.fixture
def reactions() -> pd.DataFrame:
    frame = pd.DataFrame(ROWS, columns=["chip", "sample", "sample_type", "assay", "ct", "state"])
    return frame.astype(dict.fromkeys(("chip", "sample", "sample_type", "assay", "state"), "str"))
