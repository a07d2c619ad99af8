"""Compiled kernels of elastic-net logistic regression at one penalty after the other.

A Newton step takes the loss as quadratic. Its curvature, the weighted Gram matrix of the columns in play, is kept from
one penalty to the next and computed anew only where the steps converge slowly, so that most steps cost one pass over
the rows. The penalised quadratic problem is solved by coordinate descent on the Gram matrix (Friedman, Hastie and
Tibshirani 2010, J Stat Softw 33:1), with exact solutions on the current signs where descent is slow (the feature-sign
move of Lee et al. 2006, NIPS 19). Columns come into play by the sequential strong rule (Tibshirani et al. 2012, J R
Stat Soc B 74:245); those it leaves out are checked before a model counts as optimal.

All kernels that call one another stay in this file: numba compiles anew when the file of a function changes, and does
not see a change in another.
"""

from __future__ import annotations

import math

import numpy as np

from lumier_analysis.signature.compiled import compiled

#: Steps at one penalty before the solver gives up; three are usual.
MOST_STEPS = 500
# Least Newton weight: keeps the quadratic model finite where fitted risks reach 0 or 1. It bends the steps, not the
# solution.
_LEAST_WEIGHT = 1e-6
# A step that leaves more than this share of the violation calls for fresh curvature.
_SLOW = 0.2
# Each quadratic problem is solved to this share of the violation before it.
_INNER = 0.02
# Sweeps of descent before an exact move on the current signs is tried.
_SWEEPS = 8


def _dot(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


dot = compiled(_dot, fast_sums=True)


@compiled
def evaluate(eta, y, risk, residual):  # type: ignore[no-untyped-def]
    """Fill risks and residuals; return the mean loss and the sum of the residuals."""
    loss, drift, product = 0.0, 0.0, 1.0
    for i in range(eta.size):
        e = eta[i]
        t = math.exp(-abs(e))
        # One logarithm for many rows: log(1 + t) summed is the log of a product of factors between 1 and 2.
        product *= 1.0 + t
        if product > 1e300:
            loss += math.log(product)
            product = 1.0
        r = 1.0 / (1.0 + t) if e >= 0 else t / (1.0 + t)
        loss += max(e, 0.0) - y[i] * e
        risk[i] = r
        residual[i] = y[i] - r
        drift += residual[i]
    return (loss + math.log(product)) / eta.size, drift


@compiled
def learn_column(s, j, weighted):  # type: ignore[no-untyped-def]
    """Add column j to the Gram matrix; `weighted` is scratch of length n."""
    n = s.y.size
    total = s.scalars[3]
    column = 0.0
    for i in range(n):
        weighted[i] = s.xt[j, i] * s.weight[i]
        column += weighted[i]
    s.mean[j] = column / total
    s.known[s.counts[0]] = j
    s.is_known[j] = True
    s.counts[0] += 1
    for a in range(s.counts[0]):
        k = s.known[a]
        value = (dot(weighted, s.xt[k]) - total * s.mean[j] * s.mean[k]) / n
        s.gram[j, k] = value
        s.gram[k, j] = value


@compiled
def exact_move(gram, used, k, b, slope, lasso, ridge):  # type: ignore[no-untyped-def]
    """Move the coefficients that are not 0 to their optimum under the present signs, or to the first that reaches 0.

    `slope` (minus the gradient of the quadratic loss) follows. Returns False where the system is singular.
    """
    m = 0
    at = np.empty(k, np.int64)
    for a in range(k):
        if b[used[a]] != 0.0:
            at[m] = used[a]
            m += 1
    lower = np.empty((m, m))
    move = np.empty(m)
    for a in range(m):
        for c in range(a + 1):
            value = gram[at[a], at[c]] - dot(lower[a, :c], lower[c, :c])
            if a == c:
                value += ridge
                if value <= 1e-10 * (gram[at[a], at[a]] + ridge):
                    return False
                lower[a, a] = math.sqrt(value)
            else:
                lower[a, c] = value / lower[c, c]
        j = at[a]
        target = slope[j] - ridge * b[j] - math.copysign(lasso, b[j])
        move[a] = (target - dot(lower[a, :a], move[:a])) / lower[a, a]
    for a in range(m - 1, -1, -1):
        move[a] /= lower[a, a]
        for c in range(a):
            move[c] -= lower[a, c] * move[a]
    share, first = 1.0, -1
    for a in range(m):
        if (b[at[a]] + share * move[a]) * b[at[a]] < 0.0:
            share, first = -b[at[a]] / move[a], a
    for a in range(m):
        j = at[a]
        step = -b[j] if a == first else share * move[a]
        b[j] = 0.0 if a == first else b[j] + step
        for c in range(k):
            slope[used[c]] -= step * gram[j, used[c]]
    return True


@compiled
def descend(gram, used, k, b, slope, lasso, ridge, tolerance):  # type: ignore[no-untyped-def]
    """Minimise ``1/2 b'(gram + ridge)b - linear'b + lasso |b|_1`` over the first k of `used`, in place.

    `slope` is ``linear - gram b`` and stays so.
    """
    for sweep in range(1, 2001):
        largest = 0.0
        for a in range(k):
            j = used[a]
            h = gram[j, j]
            z = slope[j] + h * b[j]
            new = 0.0
            if h + ridge > 0.0 and abs(z) > lasso:
                new = (z - lasso if z > 0 else z + lasso) / (h + ridge)
            step = new - b[j]
            if step != 0.0:
                b[j] = new
                row = gram[j]
                for c in range(k):
                    slope[used[c]] -= step * row[used[c]]
                largest = max(largest, abs(step) * (h + ridge))
        if largest <= tolerance:
            return
        if sweep % _SWEEPS == 0:
            exact_move(gram, used, k, b, slope, lasso, ridge)


@compiled
def solve(s, lasso, ridge, tolerance, most_steps):  # type: ignore[no-untyped-def]
    """Fit the model at one penalty from the state's own; return whether it is optimal.

    Optimal: no condition is violated by more than `tolerance`. In units of the mean residual: |gradient| <= lasso for
    a coefficient of 0, gradient = ridge b + lasso sign(b) for others, mean residual 0.
    """
    p, n = s.xt.shape
    xt, b, gram = s.xt, s.b, s.gram
    gradient, slope, target, kept = np.empty(p), np.empty(p), np.empty(p), np.empty(p)
    used = np.empty(p, np.int64)
    direction, scratch = np.empty(n), np.empty(n)
    strong = np.zeros(p, np.bool_)
    loss, drift = evaluate(s.eta, s.y, s.risk, s.residual)
    penalty = 0.0
    for j in range(p):
        gradient[j] = dot(xt[j], s.residual) / n
        strong[j] = b[j] != 0.0 or abs(gradient[j]) >= 2 * lasso - s.scalars[2]
        penalty += lasso * abs(b[j]) + ridge / 2 * b[j] * b[j]
    objective = loss + penalty
    before = np.inf
    optimal = False
    for _ in range(most_steps):
        worst, k = abs(drift) / n, 0
        for j in range(p):
            if strong[j]:
                if b[j] != 0.0:
                    excess = abs(gradient[j] - ridge * b[j] - math.copysign(lasso, b[j]))
                else:
                    excess = abs(gradient[j]) - lasso
                worst = max(worst, excess)
                if b[j] != 0.0 or excess > 0.0:
                    used[k] = j
                    k += 1
        if worst <= tolerance:
            optimal = True
            for j in range(p):
                if not strong[j]:
                    gradient[j] = dot(xt[j], s.residual) / n
                    if abs(gradient[j]) > lasso + tolerance:
                        strong[j] = True
                        optimal = False
            if optimal:
                break
            before = np.inf
            continue
        s.counts[1] += 1
        if s.counts[0] == 0 or worst > _SLOW * before:
            s.counts[0] = 0
            s.counts[2] += 1
            s.scalars[3] = 0.0
            for j in range(p):
                s.is_known[j] = False
            for i in range(n):
                s.weight[i] = max(s.risk[i] * (1 - s.risk[i]), _LEAST_WEIGHT)
                s.scalars[3] += s.weight[i]
        before = worst
        for a in range(k):
            j = used[a]
            if not s.is_known[j]:
                learn_column(s, j, scratch)
            # The intercept is taken out: it follows the columns through their weighted means.
            slope[j] = gradient[j] - s.mean[j] * drift / n
            target[j] = b[j]
            kept[j] = b[j]
        descend(gram, used, k, target, slope, lasso, ridge, max(_INNER * worst, tolerance / 4))
        move0 = drift / s.scalars[3]
        for i in range(n):
            direction[i] = 0.0
        for a in range(k):
            j = used[a]
            step = target[j] - b[j]
            if step != 0.0:
                move0 -= s.mean[j] * step
                for i in range(n):
                    direction[i] += step * xt[j, i]
        size = 1.0
        while True:
            for i in range(n):
                scratch[i] = s.eta[i] + size * (move0 + direction[i])
            loss, drift = evaluate(scratch, s.y, s.risk, s.residual)
            penalty = 0.0
            for a in range(k):
                j = used[a]
                b[j] = target[j] if size == 1.0 else kept[j] + size * (target[j] - kept[j])
                penalty += lasso * abs(b[j]) + ridge / 2 * b[j] * b[j]
            if loss + penalty <= objective + 1e-14 or size < 1e-6:
                break
            size /= 2
        objective = loss + penalty
        s.scalars[0] += size * move0
        for i in range(n):
            s.eta[i] = scratch[i]
        for j in range(p):
            if strong[j]:
                gradient[j] = dot(xt[j], s.residual) / n
    s.scalars[1] = loss
    s.scalars[2] = lasso
    return optimal


@compiled
def walk(s, alpha, lambdas, tolerances, most_steps, null, saturation, stall, intercepts, coefs, losses):  # type: ignore
    """Fit at some falling penalties; return how many were fitted and how it ended.

    0: all are fitted. 1: the last fitted one explains more than the share `saturation` of the `null` loss, or explains
    hardly more than the one before (relative growth below `stall`): smaller penalties add nothing. 2: the penalty after
    the last fitted one did not become optimal in `most_steps`.
    """
    for i in range(lambdas.size):
        before = 1.0 - s.scalars[1] / null
        if not solve(s, lambdas[i] * alpha, lambdas[i] * (1 - alpha), tolerances[i], most_steps):
            return i, 2
        intercepts[i] = s.scalars[0]
        for j in range(s.b.size):
            coefs[i, j] = s.b[j]
        losses[i] = s.scalars[1]
        explained = 1.0 - s.scalars[1] / null
        # The stall counts only once the model has left the null: the first penalties explain nothing.
        if explained > saturation or (before > 1e-3 and explained - before < stall * explained):
            return i + 1, 1
    return lambdas.size, 0
