"""Settings of every test, made before numpy or matplotlib are imported."""

from __future__ import annotations

import os

# Reference values are compared at tolerances that a number of BLAS threads must not decide.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["MPLBACKEND"] = "Agg"
