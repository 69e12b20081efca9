"""CoModGAN: large holes filled by a co-modulated generator (Zhao et al. 2021, arXiv 2103.10428).

This package has the generator and reads every published layout of its weights; `recipes/` has the
training.

In all modules pictures are RGB in [-1, 1], B×3×R×R, and masks (`known`) are B×1×R×R, 1 = known and
0 = hole. Tensors have the names of `weights.generator_shapes`. The modules `layers` and `generator`
import torch at module level: import them inside functions only.
"""
