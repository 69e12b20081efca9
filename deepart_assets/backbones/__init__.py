"""Pretrained networks that more than one family looks at pictures with.

Belongs here: finding, loading and feeding such a network. Does not belong here: what a family does
with what the network sees.
"""
