"""Converts MediaPipe's full-range face detector to data/models/segmentation/faces.safetensors."""
