"""Pretrained networks that more than one family uses."""
