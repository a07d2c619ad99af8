from __future__ import annotations

import math

import pytest

from lumier_analysis.reporting.wording import count_text, interval_text, level_text, number_text, p_text, plural


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.6666, 3, "0.667"),
        (-0.143, 3, "−0.143"),
        (-0.0001, 3, "0.000"),
        (123.456, 3, "123.5"),
        (-123.456, 3, "−123.5"),
        (150.0, 0, "150"),
        (math.nan, 3, ""),
        (None, 3, ""),
        (math.inf, 3, "∞"),
        (-math.inf, 3, "−∞"),
    ],
)
def test_numbers(value, digits, text):
    assert number_text(value, digits) == text


def test_counts():
    assert (count_text(999), count_text(1396), count_text("<5"), count_text(None)) == ("999", "1\u202f396", "<5", "")


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-0.1, 0.2, "−0.10 to 0.20"),
        (0.2, math.nan, "0.20 to ∞"),
        (math.nan, 0.2, "−∞ to 0.20"),
        (math.nan, math.nan, ""),
    ],
)
def test_intervals(low, high, text):
    assert interval_text(low, high, 2) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (None, ""),
        (math.nan, ""),
        (1e-9, "<0.001"),
        (0.0342, "0.034"),
        (0.094, "0.094"),
        (0.2349, "0.23"),
        (1.0, "1.00"),
    ],
)
def test_p_values(p, text):
    assert p_text(p) == text


def test_levels():
    assert (level_text(0.95), level_text(0.9), level_text(0.975)) == ("95 % CI", "90 % CI", "97.5 % CI")


def test_plurals_of_suppressed_counts():
    assert (plural(1, "flare"), plural(12, "flare"), plural("<5", "flare")) == ("1 flare", "12 flares", "<5 flares")
    assert plural(2, "body", "bodies") == "2 bodies"
