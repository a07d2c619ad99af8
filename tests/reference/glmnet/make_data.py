"""Write the simulated data that glmnet.R and the tests read: `python make_data.py`, then `Rscript glmnet.R`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lumier_analysis.signature.folds import grouped_folds
from lumier_analysis.simulation.cohort import Population

HERE = Path(__file__).parent
#: name: genes, patients, visits, effect, proportion of event rows
DATA = {"plain": (15, 40, 3, 0.8, 0.30), "wide": (80, 25, 2, 0.8, 0.40), "rare": (24, 75, 4, 0.5, 0.06)}


def main() -> None:
    for seed, (name, (genes, patients, visits, effect, rate)) in enumerate(DATA.items()):
        population = Population(genes=genes, modules=4, visits=visits, effect=effect, rate=rate)
        cohort = population.draw(patients, np.random.default_rng(seed))
        frame = pd.DataFrame((5 + 1.5 * cohort.x).round(4), columns=[f"g{j}" for j in range(genes)])
        frame.insert(0, "event", cohort.event.astype(int))
        frame.insert(1, "fold", grouped_folds(cohort.patient, cohort.event, 5, seed) + 1)
        frame.to_csv(HERE / f"{name}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
