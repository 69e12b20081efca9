"""The original notebook's segmenter: DRAM networks chosen by the painting's style."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compute.devices import best_device
from deepart_assets.compute.memory import predict_by_group
from deepart_assets.names import name_key
from deepart_assets.segmentation.base import ClassMap, Descriptor, Prediction, confidence_of
from deepart_assets.segmentation.dram_composition import compose
from deepart_assets.settings.dram import THINGS
from deepart_assets.settings.segmenters import Dram
from deepart_assets.storage import sha256_of, sha256_of_file
from deepart_assets.storage.downloads import Downloads
from deepart_assets.storage.drive import fetch_member

if TYPE_CHECKING:
    import torch

    from deepart_assets.segmentation.dram_network import DeepLabV2

SIDE = 513
"""Pictures are stretched to this square, as in training; the aspect ratio is not kept."""
BATCH = {"cpu": 1, "cuda": 8}
"""Pictures that go through a network at once. On a CPU four together took as long as four alone
(6.1 s each on one core), and alone a mask is the same to the bit whatever else is made with it."""
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
MEMBER = (
    "checkpoints/step2/adv_pascal_sbd12_filtered_{movement}_lr2.5e4_source_prestyled"
    "/model_iter040000.pth"
)
NAMES = ("background", *THINGS)
PALETTE = (
    (0, 0, 0), (128, 128, 0), (102, 178, 255), (128, 0, 128), (252, 110, 110), (192, 0, 0),
    (64, 128, 0), (64, 0, 128), (192, 0, 128), (192, 128, 128), (0, 64, 0), (128, 64, 0),
)  # fmt: skip
"""The authors' colours of the twelve ids."""

Mixture = tuple[tuple[str, float], ...]
"""Movements and their weights, which add up to 1, in the order of the names."""


class DramSegmenter:
    """DeepLabV2 ResNet-101 with twelve classes (Cohen et al. 2022): one network or several.

    Args:
        settings: Which archive, which networks for which style, which classes.
        downloads: Fetches and keeps the archive, at the first use.
    """

    descriptor = Descriptor(name="dram")

    def __init__(self, settings: Dram, downloads: Downloads) -> None:
        self._settings = settings
        self._downloads = downloads
        self._by_style = {
            name_key(style): _mixture(weights) for style, weights in settings.styles.items()
        }
        self._otherwise = _mixture(settings.movement)
        self._networks: dict[str, DeepLabV2] = {}
        self._limits: dict[Mixture, int] = {}
        """Pictures at once that have turned out to fit into memory."""

    def weights_hash(self) -> str:
        """Return the SHA-256 of the checkpoint, fetching it if it is not in the cache.

        Where the settings can choose several, it is that of their SHA-256, one after the other in
        the order of the movements' names.
        """
        mixtures = (self._otherwise, *self._by_style.values())
        movements = sorted({movement for mixture in mixtures for movement, _ in mixture})
        hashes = [sha256_of_file(self._checkpoint(movement)) for movement in movements]
        return hashes[0] if len(hashes) == 1 else sha256_of("".join(hashes).encode())

    def choice(self, labels: Mapping[str, str]) -> Mapping[str, Any]:
        """Return the movements whose networks are used for a style, and their weights."""
        style = name_key(labels.get("style", ""))
        return {"movements": dict(self._by_style.get(style, self._otherwise))}

    def __call__(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        choices: Sequence[Mapping[str, Any]] | None = None,
    ) -> list[Prediction]:
        """Predict pictures with the same choice in batches of at most `BATCH`.

        Raises:
            UnavailableError: An archive or checkpoint is unavailable or unusable.
            ValueError: The numbers of choices and pictures differ.
        """
        if choices is None:
            choices = [self.choice({})] * len(pictures)
        mixtures = [tuple(choice["movements"].items()) for choice in choices]
        return predict_by_group(
            self._predict, pictures, mixtures, BATCH[best_device()], self._limits
        )

    def _predict(self, mixture: Mixture, pictures: Sequence[NDArray[np.uint8]]) -> list[Prediction]:
        """The mask is soft, and above 0.5 just where the largest class is a chosen one.

        With all classes chosen, as in the original notebook, the subject is what is not background.
        """
        import torch

        batch = torch.stack([_stretched(picture) for picture in pictures])
        chosen = [NAMES.index(name) for name in self._settings.classes]
        with torch.inference_mode():
            batch = batch.to(best_device())
            logits = [self._network(movement)(batch) for movement, _ in mixture]
            weights = [weight for _, weight in mixture]
            found = []
            for index, picture in enumerate(pictures):
                maps = [each[index] for each in logits]
                ids, mask = compose(maps, weights, picture.shape[:2], chosen)
                classes = ClassMap(ids, NAMES, PALETTE)
                found.append(Prediction(mask, confidence_of(mask, mask >= 0.5), classes))
        return found

    def _network(self, movement: str) -> "DeepLabV2":
        if movement not in self._networks:
            from deepart_assets.segmentation.dram_network import load_checkpoint

            network = load_checkpoint(self._checkpoint(movement))
            self._networks[movement] = network.to(best_device())
        return self._networks[movement]

    def _checkpoint(self, movement: str) -> Path:
        member = MEMBER.format(movement=movement)
        return fetch_member(
            self._settings.archive_id, member, self._downloads, "segmentation.segmenter"
        )


def _mixture(weights: Mapping[Any, float]) -> Mixture:
    total = sum(weights.values())
    return tuple((movement, weight / total) for movement, weight in sorted(weights.items()))


def _stretched(picture: NDArray[np.uint8]) -> "torch.Tensor":
    """Return float32, 3×513×513, normalised as ImageNet."""
    import torch
    from PIL import Image

    square = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    values = (np.asarray(square, dtype=np.float32) / 255 - MEAN) / DEVIATION
    return torch.from_numpy(values.astype(np.float32)).permute(2, 0, 1)
