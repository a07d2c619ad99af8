"""Settings of every test, made before numpy or matplotlib are imported."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

# Reference values are compared at tolerances that a number of BLAS threads must not decide.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["MPLBACKEND"] = "Agg"
# In the background of a script Ctrl-C is ignored by all that is started; tests send it to what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

#: What these tests are made from takes minutes, so that one worker runs them all; it begins with them.
STUDIES = ("tests/test_whole_plan.py", "tests/pipeline/test_small_study.py", "tests/pipeline/test_lock_mutations.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal the tests one by one to the workers, those of `STUDIES` together."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "studies" if nodeid.startswith(STUDIES) else nodeid

    return Together(config, log)
