"""How numbers are written: one place, so that a table and a sentence never disagree."""

from __future__ import annotations

import math


def number_text(value: float, digits: int = 3) -> str:
    """Return `value` with `digits` decimals (at most one from 100 on), a true minus, never "-0"; empty if missing."""
    if value is None or math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{min(digits, 1) if abs(value) >= 100 else digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def count_text(value: float | int | str | None) -> str:
    """Return a count with narrow spaces between thousands; text (a suppressed cell) and None pass."""
    if value is None or isinstance(value, str):
        return value or ""
    return f"{int(value):,}".replace(",", "\u202f")


def interval_text(low: float, high: float, digits: int = 3) -> str:
    """Return ``low to high``; a missing side is unbounded, both missing give nothing."""
    if math.isnan(low) and math.isnan(high):
        return ""
    left = "−∞" if math.isnan(low) else number_text(low, digits)
    right = "∞" if math.isnan(high) else number_text(high, digits)
    return f"{left} to {right}"


def p_text(p: float | None) -> str:
    """Return a p-value for print: ``<0.001``, three decimals below 0.095, else two."""
    if p is None or math.isnan(p):
        return ""
    if p < 0.001:
        return "<0.001"
    return f"{p:.3f}" if p < 0.095 else f"{p:.2f}"


def level_text(level: float | None) -> str:
    """Return ``95 % CI``."""
    return f"{100 * (level or 0.95):g} % CI"


def plural(n: int | str | None, singular: str, many: str | None = None) -> str:
    """Return ``1 flare``, ``12 flares``, ``<5 flares``."""
    return f"{count_text(n)} {singular if n == 1 else many or singular + 's'}"
