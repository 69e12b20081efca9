"""Deep Art: restores largely incomplete paintings as a graph of Dagster assets."""

__version__ = "0.3.0"
