"""Trains the probes of scene completion."""
