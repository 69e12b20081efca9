"""Styles for paintings without one, by zero-shot classification with a SigLIP or CLIP model."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compat import prepare
from deepart_assets.compute.devices import best_device
from deepart_assets.errors import PaintingError, UnavailableError, first_line
from deepart_assets.names import name_key
from deepart_assets.settings.wikiart import StyleLabels
from deepart_assets.storage import Lake, sha256_of_json
from deepart_assets.storage.hub import download_model, hash_of_model
from deepart_assets.storage.stamped_cache import StampedCache
from deepart_assets.wikiart.labels import spellings

if TYPE_CHECKING:
    import pandas

SETTING = "wikiart.style_labels.model"
FILES = ("*.safetensors", "*.json", "*.txt", "*.model")
"""Weights, configuration and tokenizer."""

PROMPT = "a painting in the style of {}."
CACHE = "style_labels/scores.jsonl"
"""The cache with style and score of each classified painting."""


class StyleLabeller:
    """A zero-shot image classifier from the Hugging Face hub or a local folder, loaded lazily."""

    def __init__(self, settings: StyleLabels) -> None:
        self._settings = settings

    @cached_property
    def model_hash(self) -> str:
        """The SHA-256 of the model's files.

        Raises:
            UnavailableError: The model cannot be fetched; the message has the remedy.
        """
        return hash_of_model(self._folder, FILES)

    @cached_property
    def _folder(self) -> Path:
        settings = self._settings
        return download_model(settings.model, settings.revision, FILES, SETTING)

    @cached_property
    def _pipeline(self) -> Any:
        prepare()
        from transformers import pipeline

        try:
            return pipeline(
                "zero-shot-image-classification",
                model=str(self._folder),
                device=best_device(),
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise UnavailableError(
                f"{self._folder} does not hold a SigLIP or CLIP model in safetensors"
                f" ({first_line(error)}): correct {SETTING}"
            ) from error

    def __call__(self, picture: NDArray[np.uint8], styles: Sequence[str]) -> tuple[str, float]:
        """Return the most likely style of an RGB picture (H×W×3) and its score in [0, 1].

        The score is the style's share of the scores of all styles. For CLIP, whose scores sum to
        1, it is the probability itself; SigLIP scores each style on its own.
        """
        from PIL import Image

        found = self._pipeline(
            Image.fromarray(picture), candidate_labels=list(styles), hypothesis_template=PROMPT
        )
        total = sum(each["score"] for each in found)
        return found[0]["label"], found[0]["score"] / total if total > 0 else 0.0


def label_styles(
    catalogue: "pandas.DataFrame",
    settings: StyleLabels,
    labeller: StyleLabeller,
    original: Callable[[str], NDArray[np.uint8]],
    *,
    lake: Lake,
    report: Callable[[str], object] = lambda line: None,
) -> tuple["pandas.DataFrame", dict[str, Any]]:
    """Label the "ok" paintings without a style; each is classified once.

    Args:
        catalogue: Columns id, file, sha256, style and status.
        settings: The candidate styles and the minimal score.
        labeller: The classifier.
        original: Decodes a file (RGB uint8, H×W×3); raises PaintingError.
        lake: Keeps the scores by content, model and candidate styles.
        report: Receives a line for each painting that cannot be read.

    Returns:
        A table (id, style, score; sorted by id) of the paintings that reach the minimal score, and
        the figures labelled, left_without, unreadable, classified_now, and note (why nothing was
        done).
    """
    import pandas as pd

    usable = catalogue[catalogue["status"] == "ok"].sort_values("id", kind="stable")
    is_missing = usable["style"].map(lambda style: name_key(style) == "").astype(bool)
    unlabelled = usable[is_missing]
    styles = list(settings.styles) or sorted(spellings(usable["style"]).values())
    note, rows, unreadable, classified = "", [], 0, 0
    if unlabelled.empty:
        note = "nothing labelled: no painting lacks a style"
    elif len(styles) < 2:
        note = "nothing labelled: there are fewer than two candidate styles"
        unlabelled = unlabelled.iloc[:0]
    else:
        version = sha256_of_json([labeller.model_hash, PROMPT, styles])
        with StampedCache(lake, CACHE, version) as cache:
            for key, file, sha256 in unlabelled[["id", "file", "sha256"]].itertuples(index=False):
                entry = cache.with_content(sha256)
                try:
                    found = entry.value if entry else labeller(original(file), styles)
                except PaintingError as error:
                    report(str(error))
                    unreadable += 1
                    continue
                if entry is None:
                    classified += 1
                    cache.put(file, None, sha256, found)
                if found[1] >= settings.minimal_score:
                    rows.append((key, found[0], found[1]))
    table = pd.DataFrame(rows, columns=["id", "style", "score"])
    return table.astype({"id": "str", "style": "str", "score": "float64"}), {
        "labelled": len(rows),
        "left_without": int(is_missing.sum()) - len(rows),
        "unreadable": unreadable,
        "classified_now": classified,
        "note": note,
    }
