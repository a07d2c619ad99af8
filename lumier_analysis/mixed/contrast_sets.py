"""Which contrasts of several means: all pairs, against the first, consecutive, or weights of one's own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lumier_analysis.errors import AnalysisError, UsageError

Floats = npt.NDArray[np.float64]


def contrast_weights(wanted: str | Mapping[str, Any], labels: list[tuple[Any, ...]]) -> tuple[list[str], Floats]:
    """Return the names of contrasts and their weights over the means of a family, shape (contrasts, means).

    Parameters
    ----------
    wanted : {"pairwise", "reference", "consecutive"} or mapping
        As `Margins.contrasts`.
    labels : list of tuple
        Levels of each mean.

    Raises
    ------
    UsageError, AnalysisError
        An unknown set, weights that do not fit, a level that is not there.
    """
    k, shown = len(labels), [" ".join(_label(v) for v in label) for label in labels]
    eye = np.eye(k)
    if isinstance(wanted, str):
        pairs = {
            "pairwise": list(itertools.combinations(range(k), 2)),
            "reference": [(i, 0) for i in range(1, k)],
            "consecutive": [(i, i - 1) for i in range(1, k)],
        }
        if wanted not in pairs:
            raise UsageError("unknown contrasts", found=repr(wanted), fix=f"one of {', '.join(pairs)}, or a mapping")
        chosen = pairs[wanted]
        return [f"{shown[i]} - {shown[j]}" for i, j in chosen], np.stack([eye[i] - eye[j] for i, j in chosen])
    if not isinstance(wanted, Mapping) or not wanted:
        raise UsageError("no contrast is given", fix='{"b - a": {"b": 1, "a": -1}}')
    places: dict[Any, int] = {}
    for i, label in enumerate(labels):
        places |= {label: i, shown[i]: i} | ({label[0]: i} if len(label) == 1 else {})
    weights = np.zeros((len(wanted), k))
    for i, (name, parts) in enumerate(wanted.items()):
        if isinstance(parts, Mapping):
            for level, weight in parts.items():
                if level not in places:
                    raise AnalysisError(
                        f"contrast {name} names a level that is not there",
                        found=str(level),
                        fix=f"levels are {', '.join(shown)}",
                    )
                weights[i, places[level]] = _number(weight, name)
        elif isinstance(parts, str) or not hasattr(parts, "__len__") or len(parts) != k:
            raise UsageError(f"contrast {name} has one weight a mean", found=f"{parts!r} for {k} means")
        else:
            weights[i] = [_number(weight, name) for weight in parts]
    if not np.isfinite(weights).all() or not np.any(weights, axis=1).all():
        raise UsageError("weights of a contrast are finite and not all zero")
    return [str(name) for name in wanted], weights


def _label(value: Any) -> str:
    """Return a level as it is written: 6 for 6.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(weight: Any, name: str) -> float:
    try:
        return float(weight)
    except (TypeError, ValueError):
        raise UsageError(f"weights of contrast {name} are numbers", found=repr(weight)) from None
