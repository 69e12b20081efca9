"""The segmenter that ships with the project: a small network, refined along the edges.

It is trained by `recipes/subject_segmenter`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.segmentation.base import Descriptor, Prediction, Segmenter
from deepart_assets.segmentation.close_looks import joined, small_parts
from deepart_assets.segmentation.edges import along_edges, without_rim, without_teeth
from deepart_assets.segmentation.faces import NETWORK as FACES
from deepart_assets.segmentation.faces import find_faces
from deepart_assets.segmentation.heads import with_heads
from deepart_assets.segmentation.lost_figures import with_lost_figures
from deepart_assets.segmentation.persons import NETWORK as PERSONS
from deepart_assets.segmentation.persons import find_figures, raised
from deepart_assets.segmentation.refinement import SIDE, Contour, refine
from deepart_assets.segmentation.subject_features import FeatureExtractor, grid_of
from deepart_assets.segmentation.trimming import trimmed, without_fragments
from deepart_assets.settings.places import PROJECT
from deepart_assets.storage import sha256_of, sha256_of_file
from deepart_assets.work import in_parallel

if TYPE_CHECKING:
    from deepart_assets.segmentation.subject_network import SubjectNetwork

NETWORK = PROJECT / "data" / "models" / "segmentation" / "subject.safetensors"
"""The weights that the project ships; data/models/README.md says what they were made from."""
AGAIN_PATCHES = 441
"""Patches of the second look, 21×21 for a square, at about half the cost of the first."""
CONTOUR = Contour(threshold=0.5, side=SIDE, certain=(0.15, 0.6))
"""GrabCut's colours mislead where dark hair meets a dark ground: over 54 paintings not trained on,
with an unfinished network, it lowered the recall from 0.774 (the map above 0.4) to 0.754 when it
could move by 3% of the side, and raised it to 0.802 where the map is between 0.1 and 0.6. With
`along_edges` 0.15 in place of 0.1 gives an IoU 0.004 higher over 95 of the validation split."""


class BundledSegmenter(Segmenter):
    """Finds the subjects that an eye accepted on the paintings that the network learnt from."""

    descriptor = Descriptor(name="bundled")

    def __init__(self, file: Path = NETWORK, heads: bool = True) -> None:
        self._features = FeatureExtractor()
        self._file = file
        self._heads = heads

    @cached_property
    def _network(self) -> "SubjectNetwork":
        from deepart_assets.segmentation.subject_network import load_network

        return load_network(self._file)

    def weights_hash(self) -> str:
        """Return the SHA-256 of all files' SHA-256, one after the other."""
        files = (self._features.file, self._file, *([FACES, PERSONS] if self._heads else []))
        return sha256_of("".join(sha256_of_file(file) for file in files).encode())

    def probability(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return how probably each place is subject: float32 in [0, 1].

        The mean of two looks, the second at the mirror image with larger patches: where they
        disagree the network guesses, and the confidence falls. About 224×224, and twice that where
        the subject is small, which is then looked at closely.
        """
        height, width = picture.shape[:2]
        features = self._features(picture, *grid_of(height, width))
        first = self._network.probability(features)
        again = grid_of(height, width, patches=AGAIN_PATCHES)
        mirrored = self._features.mirrored(picture, *again, features)
        second = np.ascontiguousarray(self._network.probability(mirrored)[:, ::-1])
        second = np.clip(resize(second, *first.shape), 0, 1)
        map_ = np.asarray((first + second) / 2, dtype=np.float32)
        parts = small_parts(map_)
        if not parts:
            return map_
        whole = sum(part.area for part in parts)
        closer = [
            self._features.closer(picture, part, round(AGAIN_PATCHES * part.area / whole), features)
            for part in parts
        ]
        return joined(map_, parts, [self._network.probability(each) for each in closer])

    def __call__(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        choices: Sequence[Mapping[str, Any]] | None = None,
    ) -> list[Prediction]:
        """Predict on all cores; the confidence is the probability's around the contour."""
        return list(in_parallel(self._predict, pictures, os.cpu_count()))

    def _predict(self, picture: NDArray[np.uint8]) -> Prediction:
        probability = self.probability(picture)
        faces = tuple(find_faces(picture)) if self._heads else ()
        map_ = raised(along_edges(probability, picture, faces), find_figures(picture, faces))
        map_ = with_lost_figures(map_, picture, faces)
        prediction = refine(picture, map_, CONTOUR)
        mask = trimmed(picture, with_heads(picture, prediction.mask, faces), map_, faces)
        found = faces if self._heads else None
        mask = without_rim(without_fragments(without_teeth(mask), faces), picture, faces)
        return replace(prediction, mask=mask, faces=found)
