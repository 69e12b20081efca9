"""Stable Diffusion's pipeline: how it is had, checked and fitted into memory.

Belongs here: everything about the pipeline but its use. Does not belong here: paintings
(`stable_diffusion`).
"""
