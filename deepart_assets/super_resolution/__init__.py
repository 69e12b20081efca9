"""The ×4 network: pairs, training, weights, evaluation and tiled upscaling.

Belongs here: everything that is about RRDBNet (ESRGAN, Wang et al. 2018) and its rivals. Does not
belong here: which pictures are used and where results are kept (`assets`).

The networks, the losses and the metrics are basicsr's; the training loop is this project's.
"""
