"""The ×4 super-resolution network: pairs, training, weights, evaluation and tiled upscaling.

Networks, losses and model classes are BasicSR's. Which paintings are used and where results are
stored is decided in `assets`.
"""
