import numpy as np
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.mixed.contrast_sets import contrast_weights

LABELS = [("a",), ("b",), ("c",)]


def test_named_sets():
    names, weights = contrast_weights("pairwise", LABELS)
    assert names == ["a - b", "a - c", "b - c"]
    np.testing.assert_array_equal(weights, [[1, -1, 0], [1, 0, -1], [0, 1, -1]])
    assert contrast_weights("reference", LABELS)[0] == ["b - a", "c - a"]
    assert contrast_weights("consecutive", LABELS)[0] == ["b - a", "c - b"]


def test_levels_by_value_tuple_or_as_written():
    labels = [("a", 6.0), ("b", 6.0)]
    for key in (("a", 6), "a 6"):
        np.testing.assert_array_equal(contrast_weights({"x": {key: 1}}, labels)[1], [[1, 0]])
    np.testing.assert_array_equal(contrast_weights({"x": {6: 1}}, [(3.0,), (6.0,)])[1], [[0, 1]])


@pytest.mark.parametrize("wanted", ["all", {}, None, {"x": [1, 2]}, {"x": {"a": np.nan}}, {"x": {"a": 0, "b": 0}}])
def test_what_is_no_contrast_is_refused(wanted):
    with pytest.raises(UsageError):
        contrast_weights(wanted, LABELS)
