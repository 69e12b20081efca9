"""Devices, number formats and memory: how every model is run, whichever family it belongs to."""
