"""Enlarging pictures of any size by 4.

Belongs here: tiles, channels, running the network fast, keeping the subject. Does not belong here:
training, judging.
"""
