"""Participant flow: cohorts side by side, patients above visits; boxes are measured, so text never leaves them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.measure import SIZE, wrap
from lumier_analysis.figures.style import GREY, INK, PALE, WIDTHS, Width, new_figure, styled
from lumier_analysis.study.names import capital

LINE = 3.3  # millimetres from line to line
PAD = 1.7  # millimetres inside a box
GAP = 4.5  # millimetres between boxes
MARGIN = 2.0  # millimetres around the diagram


def _n(n: Any) -> str:
    """Return ``n = 12``, ``n <5`` or ``n = [c]``, its parts held together by no-break spaces."""
    return f"n\u00a0{n}" if isinstance(n, str) and n.startswith("<") else f"n\u00a0=\u00a0{n}"


class _Box:
    """Lines of text in a box of known width; its height follows."""

    def __init__(self, rows: Sequence[tuple[str, bool]], width: float, *, indent: float = 0.0) -> None:
        self.width, self.indent = width, indent
        room = width - 2 * PAD - indent
        self.lines = [(line, bold) for text, bold in rows for line in wrap(text, room, bold=bold)]

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + 2 * PAD

    def draw(self, axes: Axes, left: float, top: float, *, centred: bool, side: bool = False) -> None:
        """Draw the box with its upper left corner at (left, top), in millimetres, downwards."""
        axes.add_patch(
            FancyBboxPatch(
                (left, top - self.height),
                self.width,
                self.height,
                boxstyle="round,pad=0,rounding_size=0.9",
                facecolor="white" if side else "#eef3f7",
                edgecolor=GREY if side else INK,
                linewidth=0.6,
                linestyle="-",
            )
        )
        for i, (line, bold) in enumerate(self.lines):
            axes.text(
                left + (self.width / 2 if centred else PAD),
                top - PAD - (i + 0.5) * LINE,
                line,
                ha="center" if centred else "left",
                va="center_baseline",
                fontsize=SIZE,
                fontweight="bold" if bold else "normal",
            )


def _level(steps: list[Mapping[str, Any]], main: float, side: float) -> list[tuple[str, _Box]]:
    """Return the boxes of one cohort and level: start, excluded (if any), end."""
    boxes: list[tuple[str, _Box]] = []
    excluded = [step for step in steps if step["step"] == "excluded"]
    for step in steps:
        if step["step"] == "start":
            boxes.append(("main", _Box([(capital(step["reason"]), False), (_n(step["n"]), True)], main)))
    if excluded:
        rows = [("Excluded", True), *((f"{capital(s['reason'])}: {_n(s['n'])}", False) for s in excluded)]
        boxes.append(("side", _Box(rows, side)))
    rows = []
    for step in steps:
        if step["step"] == "end":
            rows += [(capital(step["reason"]), False), (_n(step["n"]), True)]
        elif step["step"] == "of which":
            rows.append((f"{step['reason']}: {_n(step['n'])}", False))
    if rows:
        boxes.append(("main", _Box(rows, main)))
    return boxes


def _key(steps: Iterable[Mapping[str, Any]]) -> str:
    """Return the sentence that explains the suppressed counts of a flow; empty if there are none."""
    marks = sorted({str(step["n"]) for step in steps if isinstance(step["n"], str)})
    means = [f"{m}: at least 1, fewer than {m[1:]}" for m in marks if m.startswith("<")]
    means += [f"{m}: withheld, so that a small count cannot be worked out" for m in marks if not m.startswith("<")]
    return f"{'; '.join(means)}." if means else ""


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>,head_width=0.18,head_length=0.35", "color": INK, "lw": 0.7, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=end, xytext=start, arrowprops=style)


@styled
def flow_diagram(flow: Iterable[Mapping[str, Any]], *, titles: Mapping[str, str] | None = None) -> Figure:
    """Draw the participant flow.

    Parameters
    ----------
    flow : iterable of dict
        cohort, level ("patients", "visits"), step ("start", "excluded", "end", "of which"), reason, n; `n` may be a
        text ("<5", "[c]"), which a line at the foot explains. Pass the flow through `reporting.disclosed_flow` first:
        what is given is drawn.
    titles : mapping, optional
        Cohort -> heading; default "Test cohort", "Validation cohort".

    Returns
    -------
    Figure
        180 mm wide (90 mm for one cohort), as high as the text needs.

    Raises
    ------
    UsageError
        The flow is empty.
    """
    steps = list(flow)
    cohorts = list(dict.fromkeys(step["cohort"] for step in steps))
    levels = list(dict.fromkeys(step["level"] for step in steps))
    if not steps:
        raise UsageError("There is no flow to draw", fix="run notebook 01_data_cleaning first")
    size: Width = "single" if len(cohorts) == 1 else "double"
    column = (WIDTHS[size] - 2 * MARGIN - (len(cohorts) - 1) * GAP) / len(cohorts)
    main, side = 0.44 * column, 0.50 * column
    boxes = {
        (c, v): _level([s for s in steps if (s["cohort"], s["level"]) == (c, v)], main, side)
        for c in cohorts
        for v in levels
    }
    # Rows are shared by the cohorts, so that the same step stands at the same height.
    heights = {v: [0.0, 0.0, 0.0] for v in levels}
    placed: dict[tuple[str, str], list[_Box | None]] = {}
    for (c, v), own in boxes.items():
        mains = [box for kind, box in own if kind == "main"]
        sides = [box for kind, box in own if kind == "side"]
        row: list[_Box | None] = [
            mains[0] if mains else None,
            sides[0] if sides else None,
            mains[1] if len(mains) > 1 else None,
        ]
        placed[c, v] = row
        heights[v] = [max(h, box.height if box else 0.0) for h, box in zip(heights[v], row, strict=True)]
    title, label = 7.0, 5.5
    key = wrap(_key(steps), WIDTHS[size] - 2 * MARGIN) if _key(steps) else []
    total = 2 * MARGIN + title + sum(label + sum(h) + 2 * GAP for h in heights.values()) + GAP * (len(levels) - 1)
    total += len(key) * LINE + (2.5 if key else 0.0)
    names = {"test": "Test cohort", "validation": "Validation cohort"} | dict(titles or {})
    ends = "; ".join(
        f"{names.get(s['cohort'], s['cohort'])}: {s['reason']} {_n(s['n'])}" for s in steps if s["step"] == "end"
    )
    figure = new_figure(size, total, alt=f"Participant flow. {ends}.", constrained=False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTHS[size])
    axes.set_ylim(-total, 0)
    axes.axis("off")
    for k, cohort in enumerate(cohorts):
        left = MARGIN + k * (column + GAP)
        axes.text(left, -MARGIN - 2.5, names.get(cohort, cohort), fontsize=9, fontweight="bold", va="center")
        top = -MARGIN - title
        below: float | None = None
        for v in levels:
            h = heights[v]
            axes.text(left + column, top - 2.2, v.upper(), fontsize=6, color=GREY, va="center", ha="right")
            axes.plot([left, left + column], [top, top], color=PALE, lw=0.6)
            first, excluded, last = placed[cohort, v]
            spine = left + main / 2
            y0 = top - label
            y1, y2 = y0 - h[0] - GAP, y0 - h[0] - h[1] - 2 * GAP
            if first:
                if below is not None:
                    _arrow(axes, (spine, below), (spine, y0))
                first.draw(axes, left, y0, centred=True)
            if last:
                if first:
                    _arrow(axes, (spine, y0 - first.height), (spine, y2))
                last.draw(axes, left, y2, centred=True)
                below = y2 - last.height
            if excluded:
                middle = y1 - excluded.height / 2
                _arrow(axes, (spine, middle), (left + column - side, middle))
                excluded.draw(axes, left + column - side, y1, centred=False, side=True)
            top = y2 - h[2] - GAP
    for i, line in enumerate(key):
        y = -total + MARGIN + (len(key) - i - 0.5) * LINE
        axes.text(MARGIN, y, line, fontsize=6.5, color=GREY, va="center_baseline")
    return figure
