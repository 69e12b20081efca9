"""How good a ×4 network is.

Belongs here: figures, comparisons, what is claimed of them, and pictures of them. Does not belong
here: enlarging (`upscaling`).
"""
