"""The segmenter that a text tells what the subject is: Grounding DINO and SAM 2, or SAM 3."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compat import prepare
from deepart_assets.errors import UnavailableError
from deepart_assets.segmentation import concept_masks, prompted_masks, text_detection
from deepart_assets.segmentation.base import Descriptor, Prediction, confidence_of
from deepart_assets.segmentation.concept_masks import ConceptMasks
from deepart_assets.segmentation.hub_models import load_model
from deepart_assets.segmentation.prompted_masks import PromptedMasks
from deepart_assets.segmentation.subject_parts import Parts, unite
from deepart_assets.segmentation.subject_text import check_text, phrases_of
from deepart_assets.segmentation.text_detection import TextDetector
from deepart_assets.settings.segmenters import Described
from deepart_assets.storage import sha256_of
from deepart_assets.storage.hub import download_model, hash_of_model

MODEL, DETECTOR = "segmentation.segmenter.model", "segmentation.segmenter.detector"
FILES = ("*.safetensors", "*.json", "*.txt")
"""Weights, configuration and vocabulary: all decide what comes out."""

Finder = Callable[[Sequence[NDArray[np.uint8]], Sequence[tuple[str, ...]]], list[Parts]]
"""Returns the parts of each picture that its phrases name."""


class DescribedSegmenter:
    """Segments everything that a text names as one subject, with a class for each phrase."""

    descriptor = Descriptor(name="described", reads_text=True)

    def __init__(self, settings: Described) -> None:
        self._settings = settings

    def weights_hash(self) -> str:
        """Return the SHA-256 over the names and contents of the files of all models.

        Raises:
            UnavailableError: A model is unavailable; names model and remedy.
        """
        folders = [self._folder]
        if self._settings.detector is not None:
            folders.append(self._folder_of(self._settings.detector))
        return sha256_of("".join(hash_of_model(each, FILES) for each in folders).encode())

    def choice(self, labels: Mapping[str, str]) -> Mapping[str, Any]:
        """Return the text for a painting: its own (`subject`), or the profile's for its labels."""
        return {"text": labels.get("subject") or self._settings.text_for(labels)}

    def __call__(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        choices: Sequence[Mapping[str, Any]] | None = None,
    ) -> list[Prediction]:
        """Find in each picture what its text names.

        Raises:
            UnavailableError: A model is unavailable, or of another kind than the settings say.
            PaintingError: A text names nothing, or is longer than a model reads.
            ValueError: The numbers of choices and pictures differ.
        """
        if choices is None:
            choices = [self.choice({})] * len(pictures)
        texts = [check_text(str(choice["text"]), "the text") for choice in choices]
        phrases = [phrases_of(text) for text in texts]
        if not pictures:
            return []
        found = self._finder(pictures, phrases)
        return [
            self._prediction(*each) for each in zip(pictures, texts, phrases, found, strict=True)
        ]

    def from_points(
        self, picture: NDArray[np.uint8], keep: NDArray[np.float32], drop: NDArray[np.float32]
    ) -> Prediction:
        """Segment the object that a curator's points indicate, whatever the text says.

        Args:
            picture: uint8, H×W×3.
            keep: k×2, at least one: x, y of points in the subject, as shares of width and height.
            drop: d×2: points outside of it.

        Returns:
            The soft mask, and its `confidence_of` as for other segmenters.

        Raises:
            UnavailableError: As for calls, or the model is SAM 3, which takes no points.
        """
        if self._prompted is None:
            raise UnavailableError(
                f"{self._settings.model} takes no points: set {MODEL} to a SAM 2, such as"
                f" {Described.model_fields['model'].default}"
            )
        masks = self._prompted.from_points(picture, keep, drop)
        parts = Parts(masks.logits, np.zeros(1, np.int64), masks.scores)
        mask = unite(parts, ["subject"], picture.shape[:2]).mask
        return Prediction(mask, confidence_of(mask, mask >= 0.5))

    def _prediction(
        self, picture: NDArray[np.uint8], text: str, phrases: tuple[str, ...], parts: Parts
    ) -> Prediction:
        found = unite(parts, phrases, picture.shape[:2])
        if len(parts.scores):
            return found
        limits = f"segmenter.score ({self._settings.score:g})"
        if self._settings.detector is not None:
            limits += f" or segmenter.mask_score ({self._settings.mask_score:g})"
        verdict = (
            f"no subject: nothing in the painting matches the text {text!r}: rephrase it,"
            f" or lower {limits}"
        )
        return Prediction(found.mask, 0.0, found.classes, verdict)

    @cached_property
    def _folder(self) -> Path:
        """The folder of `model`."""
        return download_model(self._settings.model, self._settings.revision, FILES, MODEL)

    def _folder_of(self, detector: str) -> Path:
        return download_model(detector, self._settings.detector_revision, FILES, DETECTOR)

    @cached_property
    def _finder(self) -> Finder:
        ours = self._settings
        if self._prompted is None:
            if ours.detector is not None:
                raise UnavailableError(
                    f"{ours.model} finds what a text names by itself: set {DETECTOR} to null"
                )
            loaded = _load(self._folder, concept_masks.KINDS, "a SAM 3", MODEL)
            return ConceptMasks(*loaded, ours.score, ours.boxes)
        if ours.detector is None:
            raise UnavailableError(
                f"{ours.model} reads no text: set {DETECTOR} to a Grounding DINO, such as"
                f" {Described.model_fields['detector'].default}"
            )
        loaded = _load(
            self._folder_of(ours.detector), text_detection.KINDS, "a Grounding DINO", DETECTOR
        )
        detector = TextDetector(*loaded, ours.score, ours.boxes)
        return _Grounded(detector, self._prompted, ours.mask_score)

    @cached_property
    def _prompted(self) -> PromptedMasks | None:
        """What cuts out boxes and points; None if the model is a SAM 3."""
        if _kind(self._folder) in concept_masks.KINDS:
            return None
        return PromptedMasks(*_load(self._folder, prompted_masks.KINDS, "a SAM", MODEL))


class _Grounded:
    """Finds boxes and cuts out what they hold."""

    def __init__(self, detector: TextDetector, masks: PromptedMasks, mask_score: float) -> None:
        self._detector, self._masks, self._mask_score = detector, masks, mask_score

    def __call__(
        self, pictures: Sequence[NDArray[np.uint8]], phrases: Sequence[tuple[str, ...]]
    ) -> list[Parts]:
        boxes = self._detector(pictures, phrases)
        full = [at for at, each in enumerate(boxes) if len(each.scores)]
        masks = self._masks.from_boxes(
            [pictures[at] for at in full], [boxes[at].corners for at in full]
        )
        none = np.zeros(0, np.float32)
        nothing = Parts(none.reshape(0, 1, 1), none.astype(np.int64), none)
        found = [nothing] * len(pictures)
        for at, each in zip(full, masks, strict=True):
            good = each.scores >= self._mask_score
            scores = boxes[at].scores * each.scores
            found[at] = Parts(each.logits[good], boxes[at].phrases[good], scores[good])
        return found


def _kind(folder: Path) -> str:
    """Return the `model_type` of a model's configuration; "" where there is none."""
    prepare()
    from transformers import PreTrainedConfig

    try:
        return str(PreTrainedConfig.get_config_dict(folder)[0].get("model_type", ""))
    except (OSError, ValueError):
        return ""


def _load(
    folder: Path, kinds: Mapping[str, tuple[str, str]], what: str, setting: str
) -> tuple[Any, Any]:
    kind = _kind(folder)
    if kind not in kinds:
        raise UnavailableError(
            f"{folder} does not hold {what} ({kind or 'it has no config.json'}; known are"
            f" {', '.join(kinds)}): correct {setting}"
        )
    return load_model(folder, *kinds[kind], what, setting)
