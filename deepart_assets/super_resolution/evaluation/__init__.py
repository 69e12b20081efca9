"""Evaluation of ×4 networks: figures, comparisons, claims and pictures."""
