"""The ×4 network: pairs, training, weights, evaluation and tiled upscaling.

Belongs here: everything that is about RRDBNet (ESRGAN, Wang et al. 2018) and its rivals. Does not
belong here: which pictures are used and where results are kept (`assets`).

The networks, losses and model classes are BasicSR's; the training loop, the fast execution and the
figures are this project's.
"""
