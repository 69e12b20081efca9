"""The seed's segmenter: one DRAM network, subject = any class but background.

Belongs here: pre- and post-processing around the network. Does not belong here: the network
(`dram_network`), which needs torch at import, and the download (`storage.drive_archives`).
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deepart_assets.segmentation.base import Descriptor, Prediction
from deepart_assets.settings.restoration import Dram
from deepart_assets.storage import sha256_of_file
from deepart_assets.storage.downloads import Downloads
from deepart_assets.storage.drive_archives import fetch_member

if TYPE_CHECKING:
    from deepart_assets.segmentation.dram_network import DeepLabV2

SIDE = 513
"""Pictures are stretched to this square, as in training; the aspect ratio is not kept."""
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
MEMBER = (
    "checkpoints/step2/adv_pascal_sbd12_filtered_{movement}_lr2.5e4_source_prestyled"
    "/model_iter040000.pth"
)


class DramSegmenter:
    """DeepLabV2 ResNet-101 with twelve classes (Cohen et al. 2022), one movement's weights.

    Args:
        settings: Which archive and movement.
        downloads: Fetches and keeps the archive, at the first use.
    """

    descriptor = Descriptor(
        name="dram",
        input_size=(SIDE, SIDE),
        keeps_aspect=False,
        needs_gpu=False,
        half_precision=False,
        licence="code MIT; DRAM, the training data: research use only",
        source="https://github.com/Nadavc220/SemanticSegmentationInArtPaintings",
    )

    def __init__(self, settings: Dram, downloads: Downloads) -> None:
        self._settings = settings
        self._downloads = downloads

    @cached_property
    def _checkpoint(self) -> Path:
        member = MEMBER.format(movement=self._settings.movement)
        return fetch_member(
            self._settings.archive_id, member, self._downloads, "segmentation.segmenter"
        )

    @cached_property
    def _hash(self) -> str:
        return sha256_of_file(self._checkpoint)

    @cached_property
    def _network(self) -> "DeepLabV2":
        import torch

        from deepart_assets.segmentation.dram_network import load_checkpoint

        device = "cuda" if torch.cuda.is_available() else "cpu"
        return load_checkpoint(self._checkpoint).to(device)

    def weights_hash(self) -> str:
        """Return the SHA-256 of the checkpoint, fetching it if it is not in the cache."""
        return self._hash

    def __call__(self, picture: NDArray[np.uint8]) -> Prediction:
        """Predict: the mask is the probability of all classes but background.

        The seed takes the class with the largest probability and calls it subject unless it is
        background. So that a threshold of 0.5 gives just that, the mask is p / (p + background)
        with p the largest of the other classes' probabilities.
        """
        probabilities = self.class_probabilities(picture)
        background, largest = probabilities[0], probabilities[1:].max(axis=0)
        mask = (largest / (largest + background)).astype(np.float32)
        subject = mask >= 0.5
        mixed = subject.any() and not subject.all()
        contrast = float(mask[subject].mean() - mask[~subject].mean()) if mixed else 0.0
        return Prediction(mask, contrast)

    def class_probabilities(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32, 12×H×W, the softmax of the logits at the picture's size."""
        import torch
        from PIL import Image

        stretched = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        values = (np.asarray(stretched, dtype=np.float32) / 255 - MEAN) / DEVIATION
        device = next(self._network.parameters()).device
        batch = torch.from_numpy(values.astype(np.float32)).permute(2, 0, 1)[None].to(device)
        with torch.inference_mode():
            logits = self._network(batch)
            enlarged = torch.nn.functional.interpolate(
                logits, size=picture.shape[:2], mode="bilinear", align_corners=True
            )
            return enlarged.softmax(dim=1)[0].cpu().numpy()
