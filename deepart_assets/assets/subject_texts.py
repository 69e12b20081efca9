"""What somebody says is the subject of a painting: files beside the masks, a column of a CSV."""

from collections.abc import Mapping
from typing import Any

from deepart_assets import asset_names
from deepart_assets.orchestration.context import Painting
from deepart_assets.orchestration.observable_assets import ObservableFolder
from deepart_assets.segmentation import Segmenter, check_text, read_text
from deepart_assets.wikiart.annotations import SUBJECT
from deepart_assets.wikiart.painting_folder import TEXTS

SUBJECT_TEXTS = ObservableFolder(
    **vars(TEXTS),
    asset=asset_names.SUBJECT_TEXTS,
    group="segmentation",
    description="What the subject of a painting is, in a curator's words, for the segmenter"
    ' `described`: `masks/<painting id>.txt` in the data root, such as "the woman and the child;'
    ' the dog". Takes precedence over the column `subject` of a CSV and over the profile.',
)


def choice_for(painting: Painting, segmenter: Segmenter) -> Mapping[str, Any]:
    """Return what a segmenter chooses by a painting's labels and its own text, if it has one.

    Raises:
        PaintingError: It reads texts, and the painting's own is invalid.
    """
    own = painting.labels.get(SUBJECT, "")
    if segmenter.descriptor.reads_text:
        if SUBJECT_TEXTS.asset in painting.observed:
            own = read_text(*painting.observed_file(SUBJECT_TEXTS.asset))
        elif own:
            own = check_text(own, f"the column {SUBJECT} of {painting.id} in its CSV")
    return segmenter.choice({**painting.labels, SUBJECT: own})


def unread_text(painting: Painting, segmenter: Segmenter) -> str | None:
    """Say where a painting's own text is, if it has one that the segmenter does not read."""
    if segmenter.descriptor.reads_text:
        return None
    where = f"the column {SUBJECT} of its CSV" if SUBJECT in painting.labels else None
    if SUBJECT_TEXTS.asset in painting.observed:
        where = painting.observed[SUBJECT_TEXTS.asset].path
    return where and (
        f"{where} says what the subject is, but the segmenter {segmenter.descriptor.name} reads no"
        " text: set segmentation.segmenter.kind to described, or remove the text"
    )
