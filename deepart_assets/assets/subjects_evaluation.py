"""The evaluation of subject masks: the pipeline's and other segmenters' on the same paintings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepart_assets import asset_names
from deepart_assets.assets.predicted_masks import CODE_VERSION, prediction_settings
from deepart_assets.assets.subject_texts import SUBJECT_TEXTS, choice_for
from deepart_assets.assets.subjects import CURATED_MASKS, mask_settings
from deepart_assets.assets.supports import segmenter_input
from deepart_assets.errors import PaintingError, UnavailableError, described
from deepart_assets.imaging import (
    decode_grey,
    encode_jpeg,
    encode_png,
    preview_uri,
    resize,
    working_size,
)
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.context import Painting, StageContext, StageSpec, chosen
from deepart_assets.reports import report_json
from deepart_assets.segmentation import (
    Features,
    Segmenter,
    SubjectMask,
    build_segmenter,
    clean_up,
    judge,
)
from deepart_assets.segmentation.comparison import iou_matrix
from deepart_assets.segmentation.evaluation import (
    Sample,
    disagreements,
    read_truth,
    table,
)
from deepart_assets.settings.places import project_path
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.storage import (
    MaterializationRecord,
    Provenance,
    StageResult,
    materialize_if_stale,
    records,
    sha256_of,
)
from deepart_assets.storage.retries import is_transient

ASSET = asset_names.SUBJECT_MASKS_EVALUATION
OURS = asset_names.SUBJECT_MASKS
SIDE = 512
"""Masks are compared at this smaller side: the working copy's."""


@dataclass(frozen=True)
class Peer:
    """A segmenter to compare with."""

    segmenter: Segmenter
    settings: Segmentation
    """The pipeline's, with this segmenter in place of its own."""
    weights: str


@data_asset(
    settings=lambda settings: settings.segmentation.evaluation.model_dump(mode="json"),
    group="evaluation",
    deps=[asset_names.STYLED_PAINTINGS],
    painting_deps=[OURS],
    kinds={"python"},
    pool="gpu",
)
def subject_masks_evaluation(context: StageContext) -> StageSpec:
    """The pipeline's masks beside those of other segmenters, on some of the paintings.

    For each: share of the area, agreement (intersection over union) with the masks that are kept
    and with a ground truth where there is one, seconds a painting; the agreement of each with each;
    a picture of the paintings on which they differ most. The masks of the others are kept, so that
    only what is new is segmented again.
    """
    choice = context.settings.segmentation.evaluation
    truth_files = _truth_files(choice.ground_truth)
    reads_texts = any(peer.kind == "described" for peer in choice.peers.values())
    listed = context.paintings
    texts = SUBJECT_TEXTS.read(context.lake, listed, listed) if reads_texts else {}
    tried = records.attempt(context.store.done(ASSET), rests=records.RESTS)

    def make() -> StageResult:
        paintings = context.paintings
        curated = CURATED_MASKS.files(context.lake, paintings)
        keys = chosen(paintings, choice.paintings, [truth_files, curated])
        if choice.ground_truth is not None and not set(truth_files) & set(keys):
            raise UnavailableError(
                f"{choice.ground_truth} has no <painting id>.png of a painting to restore: check"
                " segmentation.evaluation.ground_truth"
            )
        peers, left_out = _peers(context)
        samples, faults = [], []
        for number, key in enumerate(keys, start=1):
            own = {SUBJECT_TEXTS.asset: texts[key]} if key in texts else {}
            painting = replace(paintings[key], observed=own)
            try:
                samples.append(_sample(context, painting, peers, truth_files.get(key)))
            except Exception as fault:  # one bad painting never stops the others
                if is_transient(fault):  # the next run may compare this painting, too
                    raise
                faults.append({"painting": key, "reason": described(fault)})
            context.log.info(f"{ASSET} {number}/{len(keys)} {key}")
        if faults and not samples:
            raise PaintingError(f"no painting could be compared: {faults[0]['reason']}")
        names = [OURS, *peers]
        rows = table(samples, names, OURS)
        matrix = iou_matrix({name: [each.masks[name] for each in samples] for name in names})
        picture = disagreements(samples, names, OURS, choice.shown)
        return StageResult(
            {
                asset_names.report_path(ASSET): report_json(rows),
                f"{ASSET}/disagreements.jpg": encode_jpeg(picture),
            },
            {
                "preview": preview_uri(picture, 1100),
                "segmenters": rows,
                "agreement": [{"": name, **matrix[name]} for name in names],
                "paintings": len(samples),
                "left_out": left_out,
                "faults": faults,
            },
        )

    return StageSpec(
        make,
        inputs={
            "ground_truth": _hash_of(truth_files.values()),
            **({"attempt": str(tried)} if tried else {}),
            **{f"{SUBJECT_TEXTS.asset}/{key}": text.sha256 for key, text in texts.items()},
        },
    )


def _truth_files(folder: str | None) -> dict[str, Path]:
    if folder is None:
        return {}
    place = project_path(folder)
    if not place.is_dir():
        raise UnavailableError(f"{place} is no folder: check segmentation.evaluation.ground_truth")
    return {file.stem: file for file in sorted(place.glob("*.png"))}


def _hash_of(files: Iterable[Path]) -> str:
    """Return the hash of names and contents: a file that is renamed is another painting's."""
    parts = (f"{file.name} {sha256_of(file.read_bytes())}\n" for file in files)
    return sha256_of("".join(parts).encode())


def _peers(context: StageContext) -> tuple[dict[str, Peer], dict[str, str]]:
    """Return the segmenters to compare with, each with its settings and the hash of its weights,
    and why others are unavailable."""
    ours = context.settings.segmentation
    found, left_out = {}, {}
    for name, settings in ours.evaluation.peers.items():
        segmenter = build_segmenter(settings, context.downloads)
        try:
            weights = segmenter.weights_hash()
        except UnavailableError as reason:
            left_out[name] = str(reason)
        else:
            found[name] = Peer(segmenter, ours.model_copy(update={"segmenter": settings}), weights)
    return found, left_out


def _sample(
    context: StageContext,
    painting: Painting,
    peers: Mapping[str, Peer],
    truth_file: Path | None,
) -> Sample:
    picture = painting.original()
    size = working_size(picture.shape[0], picture.shape[1], SIDE)
    records = {
        name: _mask_of(context, painting, picture, name, peer) for name, peer in peers.items()
    }
    if (our := context.store.done(OURS, painting.id)) is not None:
        records[OURS] = our
    return Sample(
        id=painting.id,
        caption=painting.caption,
        picture=resize(picture, *size),
        masks={name: _mask(context, records.get(name), size) for name in (OURS, *peers)},
        truth=None
        if truth_file is None
        else read_truth(truth_file.read_bytes(), str(truth_file), size),
        seconds={name: record.seconds for name, record in records.items() if name in peers},
    )


def _mask_of(
    context: StageContext,
    painting: Painting,
    picture: NDArray[np.uint8],
    name: str,
    peer: Peer,
) -> MaterializationRecord:
    """Segment a painting as the pipeline would with this segmenter, unless that was done before."""
    choice = choice_for(painting, peer.segmenter)

    def make() -> StageResult:
        item = segmenter_input(picture, choice, peer.settings)
        [prediction] = peer.segmenter([item.picture], [choice])
        size = working_size(picture.shape[0], picture.shape[1], SIDE)
        subject = clean_up(item.placed(prediction).levels(), size, peer.settings)
        if item.support is not None:
            painted = item.support.resized(item.original_size, size).painted(*size)
            subject = SubjectMask.of(subject.mask, painted)
        mask = encode_png(subject.mask.astype(np.uint8) * 255)
        judged = judge(
            Features(prediction.confidence, subject.share, subject.parts, subject.largest),
            peer.settings,
        )
        return StageResult(
            {f"{ASSET}/{name}/{painting.id}.png": mask},
            verdict=prediction.verdict or (judged.reason if judged.level == "none" else None),
        )

    provenance = Provenance(
        code_version=f"3, predictions {CODE_VERSION}",  # 3: shares are of the painting alone
        settings={
            **prediction_settings(peer.settings),
            **mask_settings(peer.settings),
            **choice,
        },
        inputs={"original": painting.sha256},
        weights=peer.weights,
    )
    return materialize_if_stale(
        context.store, ASSET, provenance, make, key=f"{name}.{painting.id}"
    )[0]


def _mask(
    context: StageContext, record: MaterializationRecord | None, size: tuple[int, int]
) -> NDArray[np.bool_] | None:
    if record is None or record.verdict is not None:
        return None
    levels = decode_grey(context.lake.read(record.path), record.path)
    return np.asarray(resize(levels, *size) >= 128)
