"""Loads, checks and places the pipeline of Stable Diffusion."""
