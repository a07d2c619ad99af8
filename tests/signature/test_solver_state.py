from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.signature.solver_state import empty_state


def test_the_empty_model_has_the_event_rate_and_its_loss():
    x, y = np.arange(12.0).reshape(6, 2), np.array([1.0, 0, 0, 0, 0, 1.0])
    s = empty_state(x, y, 0.3)
    rate = 1 / 3
    assert s.scalars[0] == pytest.approx(np.log(rate / (1 - rate)))
    assert s.scalars[1] == pytest.approx(-(rate * np.log(rate) + (1 - rate) * np.log(1 - rate)))
    assert s.scalars[2] == 0.3 and not s.b.any() and (s.eta == s.scalars[0]).all()
    np.testing.assert_array_equal(s.xt, x.T)
    assert s.xt.flags.c_contiguous
