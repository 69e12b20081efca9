"""Training a CoModGAN.

Belongs here: what is drawn for an iteration, what an iteration does, and the loop around it. Does
not belong here: the networks themselves, the settings (`settings.generator_training`).

All that is drawn depends on seed and iteration alone, so a checkpoint needs no random state, and
a training that is gone on with comes to the same bytes on a CPU.
"""

from deepart_assets.outpainting.comodgan.training.batches import Example
from deepart_assets.outpainting.comodgan.training.loop import train
from deepart_assets.outpainting.comodgan.training.progress import Step, Trained

__all__ = ["Example", "Step", "Trained", "train"]
