"""Trains data/models/segmentation/subject.safetensors on the masks of a large network."""
