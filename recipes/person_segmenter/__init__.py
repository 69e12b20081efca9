"""Converts MediaPipe's selfie segmentation to data/models/segmentation/persons.safetensors."""
