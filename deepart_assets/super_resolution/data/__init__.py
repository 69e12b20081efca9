"""The LR/HR pairs: how they are made, stored and cut into crops.

Belongs here: degradation, pairs in memory and on the disk. Does not belong here: choosing paintings
(`wikiart.sr`), training on the crops.
"""
