"""What people and programs read afterwards: JSON figures, plots, the gallery page.

Belongs here: turning figures and pictures into files. Does not belong here: computing them, and
Dagster's metadata (`orchestration.metadata`).
"""

from deepart_assets.reports.figures import report_json
from deepart_assets.reports.plots import bar_plot, line_plot

__all__ = ["bar_plot", "line_plot", "report_json"]
