"""Trains data/models/outpainting/paintings_small.safetensors, or another CoModGAN.

All random draws depend only on seed and iteration: checkpoints need no random state, and a resumed
training gives the same bytes on a CPU.
"""

from recipes.comodgan_paintings_small.batches import Example
from recipes.comodgan_paintings_small.loop import train
from recipes.comodgan_paintings_small.progress import Step, Trained

__all__ = ["Example", "Step", "Trained", "train"]
