"""Write primary_landmarks.csv and what primary.R makes of it, for tests/pipeline/test_double.py; needs Rscript.

Run in the project folder: python tests/reference/primary_r.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from lumier_analysis.pipeline.double import coded_rows, run_r, write_script

HERE = Path(__file__).parent


def made_up_rows() -> pd.DataFrame:
    """Return 40 invented patients with up to four rows, scores with ties, some flares."""
    rng = np.random.default_rng(41)
    people = np.repeat(np.arange(40), rng.integers(1, 5, 40))
    level = rng.standard_normal(40)[people]
    score = np.round(level + rng.standard_normal(people.size), 1)
    event = (rng.random(people.size) < 1 / (1 + np.exp(1.8 - score))).astype(int)
    return pd.DataFrame({"patient_id": [f"P{i:02d}" for i in people], "event": event, "score": score})


if __name__ == "__main__":
    rows = coded_rows(made_up_rows(), seed=1)
    rows.to_csv(HERE / "primary_landmarks.csv", index=False, lineterminator="\n")
    with tempfile.TemporaryDirectory() as folder:
        write_script(Path(folder), rows)
        found = run_r(Path(folder), 0.95)
    assert found is not None, "Rscript is not installed"
    lines = [f"{name},{value!r}\n" for name, value in found.items()]
    (HERE / "primary_r.csv").write_text("quantity,value\n" + "".join(lines), encoding="utf-8")
