from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.mixed.grouped import OneFactor
from tests.mixed.lmm_problems import one_factor


def test_least_is_the_residual_with_random_effects_as_fixed() -> None:
    y, x, z, codes = one_factor()
    blocks = OneFactor.of(x, z, codes, 9).respond(y, x.T @ y)
    both = np.column_stack([x, *(z * (codes == i)[:, None] for i in range(9))])
    solution, _, rank, _ = np.linalg.lstsq(both, y, rcond=1e-10)
    rss, free = blocks.least()
    assert free == len(y) - rank
    assert rss == pytest.approx(((y - both @ solution) ** 2).sum(), rel=1e-9)


def test_another_response_leaves_the_first_as_it_was() -> None:
    y, x, z, codes = one_factor()
    first = OneFactor.of(x, z, codes, 9).respond(y, x.T @ y)
    kept = first.b.copy(), first.w.copy()
    second = first.respond(2 * y, 2 * x.T @ y)
    np.testing.assert_array_equal(first.b, kept[0])
    np.testing.assert_array_equal(first.w, kept[1])
    np.testing.assert_allclose(second.b[:, :, -1], 2 * first.b[:, :, -1], atol=1e-12)
