"""Networks made to fill holes, LaMa and MI-GAN: learned baselines that a CPU can run."""

from deepart_assets.outpainting.inpainting.outpainter import InpaintingOutpainter
from deepart_assets.outpainting.inpainting.sources import FINDER, fetch_network

__all__ = ["FINDER", "InpaintingOutpainter", "fetch_network"]
