"""Deep Art: restores largely incomplete paintings as a graph of Dagster assets."""
