"""What two columns of random effects leave within each group, in compiled loops over the rows."""

from __future__ import annotations

from lumier_analysis.mixed.compiled import compiled


@compiled
def group_parts(z, starts, a, solve):  # type: ignore[no-untyped-def]
    """Fill a11, a12, a22, |A| (4, m) and the pseudo-inverse of A (3, m) of every group; return the sum of ranks."""
    rank = 0
    for i in range(starts.size - 1):
        a11, a12, a22 = 0.0, 0.0, 0.0
        for t in range(starts[i], starts[i + 1]):
            a11 += z[t, 0] * z[t, 0]
            a12 += z[t, 0] * z[t, 1]
            a22 += z[t, 1] * z[t, 1]
        slope = a12 / a11 if a11 > 0.0 else 0.0
        rest = 0.0
        for t in range(starts[i], starts[i + 1]):
            rest += (z[t, 1] - slope * z[t, 0]) ** 2
        if rest <= 1e-20 * a22 or starts[i + 1] - starts[i] < 2:
            rest = 0.0
        a[0, i], a[1, i], a[2, i], a[3, i] = a11, a12, a22, a11 * rest
        if a11 > 0.0 and rest > 0.0:
            rank += 2
            solve[0, i], solve[1, i], solve[2, i] = 1.0 / a11 + slope * slope / rest, -slope / rest, 1.0 / rest
        elif a11 > 0.0:
            rank += 1
            size = 1.0 / (a11 * (1.0 + slope * slope) ** 2)
            solve[0, i], solve[1, i], solve[2, i] = size, size * slope, size * slope * slope
        else:
            rank += a22 > 0.0
            solve[0, i], solve[1, i], solve[2, i] = 0.0, 0.0, 1.0 / a22 if a22 > 0.0 else 0.0
    return rank


@compiled
def project(z, starts, solve, values, d):  # type: ignore[no-untyped-def]
    """Fill d (k, 2, m) of every row of values (k, n), and replace the row by what Z leaves of it within groups."""
    for r in range(values.shape[0]):
        for i in range(starts.size - 1):
            b0, b1 = 0.0, 0.0
            for t in range(starts[i], starts[i + 1]):
                b0 += z[t, 0] * values[r, t]
                b1 += z[t, 1] * values[r, t]
            d0 = solve[0, i] * b0 + solve[1, i] * b1
            d1 = solve[1, i] * b0 + solve[2, i] * b1
            d[r, 0, i], d[r, 1, i] = d0, d1
            for t in range(starts[i], starts[i + 1]):
                values[r, t] -= z[t, 0] * d0 + z[t, 1] * d1
