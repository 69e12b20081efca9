"""CoModGAN: large holes filled by a co-modulated generator (Zhao et al. 2021, arXiv 2103.10428).

Belongs here: the networks, their files in every published layout, and their training. Does not
belong here: how a painting is cut into what the network takes (`artificially_inspired`).

Common to all modules: pictures are RGB in [-1, 1], B×3×R×R; masks `known` are B×1×R×R, 1 = known
and 0 = hole. Tensors have the names of `spec.generator_shapes`. The modules `layers`,
`generator`, `discriminator`, `training.augmentation` and `training.model` import torch at module
level: import them inside functions only.
"""
