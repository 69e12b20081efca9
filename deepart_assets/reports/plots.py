"""Line and bar plots as `data:` URIs."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

COLUMNS = 3
WIDTH = 4.0
"""Panels side by side and inches of each: 1200 pixels fit Dagster's dialog."""

MAX_MARKERS = 12
"""Curves of up to this many points have markers."""


def line_plot(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]], x_label: str
) -> str:
    """Draw curves in panels, at most `COLUMNS` side by side.

    Args:
        panels: Curves by name, each as (x, y), by panel title.
        x_label: Label of the x axes.

    Returns:
        A PNG as a `data:` URI.
    """
    figure, axes = _figure(len(panels))
    for axis, (title, curves) in zip(axes, panels.items(), strict=True):
        for name, (x, y) in curves.items():
            few = len(x) <= MAX_MARKERS
            axis.plot(x, y, label=name, linewidth=1.4, marker="o" if few else None, markersize=4)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel(x_label, fontsize=8)
        if len(curves) > 1:
            axis.legend(fontsize=7, frameon=False)
    return _as_uri(figure)


def bar_plot(title: str, bars: Mapping[str, Mapping[str, float]]) -> str:
    """Draw stacked horizontal bars with their sums: parts by name, by category."""
    figure, (axis,) = _figure(1, height=max(1.6, 0.28 * len(bars) + 0.8))
    parts = list(dict.fromkeys(part for values in bars.values() for part in values))
    left = [0.0] * len(bars)
    for part in parts:
        widths = [float(values.get(part, 0)) for values in bars.values()]
        axis.barh(list(bars), widths, left=left, label=part)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    for number, total in enumerate(left):
        axis.annotate(
            f"{total:,.6g}" if total % 1 else f"{total:,.0f}",
            (total, number),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    axis.margins(x=0.12, y=0.01)
    axis.invert_yaxis()
    axis.set_title(title, fontsize=9)
    axis.legend(fontsize=7, frameon=False)
    return _as_uri(figure)


def _figure(panels: int, height: float = 2.6) -> tuple[Any, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(1, min(panels, COLUMNS))
    rows = -(-panels // columns)
    figure = Figure(figsize=(WIDTH * columns, height * rows), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(rows, columns, number + 1) for number in range(panels)]
    for axis in axes:
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _as_uri(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
