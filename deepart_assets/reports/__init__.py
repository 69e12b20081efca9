"""Reports: JSON figures, plots and HTML pages."""

from deepart_assets.reports.figures import report_json
from deepart_assets.reports.plots import bar_plot, line_plot

__all__ = ["bar_plot", "line_plot", "report_json"]
