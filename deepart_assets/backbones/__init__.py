"""Pretrained networks that more than one family looks at pictures with."""
