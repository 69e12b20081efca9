"""Training the ×4 network.

Belongs here: the two stages (`stages`), the loop, and all that stands around an iteration. Does not
belong here: the data (`data`), the evaluation of what was trained (`evaluation`).
"""
