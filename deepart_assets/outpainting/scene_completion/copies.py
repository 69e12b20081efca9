"""Finds grounds that are the painting itself: its catalogue's entry, a duplicate, a detail."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import hamming, hashes_from_hex
from deepart_assets.names import name_key
from deepart_assets.outpainting.scene_completion.ground import Ground
from deepart_assets.outpainting.scene_completion.subject import Subject

BITS = 10
"""Perceptual hashes of copies differ in at most so many of 64 bits."""
ALIKE = 0.99
"""The cosine of two subjects' vectors above which they are one."""
KEYPOINTS = 1000
RATIO = 0.8
"""Of the distances to the nearest and the second nearest descriptor (Lowe 2004)."""
INLIERS = 15
"""Distinct points that one similarity maps from the subject to the ground's picture. Of 22 copies
of paintings 21 had at least 20, of 90 pairs of different paintings none had more than 10."""
LARGEST = 3.0
"""Scale of that similarity, and its inverse."""


class Catalogue:
    """Knows which grounds are a painting's own by the catalogue.

    Args:
        grounds: N.
    """

    def __init__(self, grounds: Sequence[Ground]) -> None:
        self._ids = np.array([each.id for each in grounds])
        self._names = [(name_key(each.title), name_key(each.artist)) for each in grounds]
        self._hashes = np.array([each.hash for each in grounds], np.uint64)
        self._mirrored = np.array([each.mirrored_hash for each in grounds], np.uint64)

    def own(self, labels: Mapping[str, str]) -> NDArray[np.bool_]:
        """Return which grounds are the painting's own: bool, N.

        These are the ground with its id, those with its title and artist, those with its perceptual
        hash, and the copies of all these by perceptual hash, mirrored or not.

        Args:
            labels: Of the painting; see `Request`.
        """
        own = self._ids == labels.get("id", "")
        names = name_key(labels.get("title", "")), name_key(labels.get("artist", ""))
        if all(names):
            own |= np.array([each == names for each in self._names], bool)
        if phash := labels.get("phash"):
            for each in (self._hashes, self._mirrored):
                own |= hamming(each, hashes_from_hex([phash])) <= BITS
        for index in np.flatnonzero(own):
            for value in (self._hashes[index], self._mirrored[index]):
                own |= hamming(self._hashes, value) <= BITS
        return own


class CopyCheck:
    """Compares one subject with pictures: SIFT (Lowe 2004), then a similarity by RANSAC.

    Args:
        subject: The subject; compared as it is and mirrored.
    """

    def __init__(self, subject: Subject) -> None:
        self._seen = [
            _keypoints(np.ascontiguousarray(subject.picture[:, side]), subject.mask[:, side])
            for side in (slice(None), slice(None, None, -1))
        ]

    def __call__(self, picture: NDArray[np.uint8]) -> bool:
        """Return whether a picture, RGB at a smaller side of about 512, shows the subject."""
        points, descriptors = _keypoints(picture, None)
        return any(_agree(own, points, descriptors) >= INLIERS for own in self._seen)


def _keypoints(
    picture: NDArray[np.uint8], mask: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float32], Any]:
    """Return points, n×2, and their descriptors, n×128 or None."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    where = None
    if mask is not None:
        # A descriptor's window must not reach over the subject's outline.
        where = cv2.erode(mask.astype(np.uint8) * 255, np.ones((5, 5), np.uint8))
    sift: Any = cv2.SIFT.create(KEYPOINTS)
    found, descriptors = sift.detectAndCompute(grey, where)
    return np.array([each.pt for each in found], np.float32).reshape(-1, 2), descriptors


def _agree(
    own: tuple[NDArray[np.float32], Any], points: NDArray[np.float32], descriptors: Any
) -> int:
    """Return how many distinct points of the subject one similarity maps to the picture's."""
    import cv2

    if own[1] is None or descriptors is None or len(descriptors) < 2:
        return 0
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(own[1], descriptors, 2)
    good = [first for first, second in pairs if first.distance < RATIO * second.distance]
    if len(good) < INLIERS:
        return 0
    here = own[0][[each.queryIdx for each in good]]
    there = points[[each.trainIdx for each in good]]
    cv2.setRNGSeed(0)
    transform, inliers = cv2.estimateAffinePartial2D(
        here, there, method=cv2.RANSAC, ransacReprojThreshold=4.0
    )
    if transform is None:
        return 0
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    if not 1 / LARGEST <= scale <= LARGEST:
        return 0
    within = inliers.ravel().astype(bool)
    return min(len(np.unique(each[within].round(), axis=0)) for each in (here, there))
