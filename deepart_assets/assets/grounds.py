"""The grounds that paintings lend to others, and the frozen library of them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets import asset_names
from deepart_assets.errors import PaintingError, SkipPainting
from deepart_assets.imaging import (
    decode_grey,
    decode_rgb,
    mosaic,
    preview_uri,
    resize,
    working_size,
)
from deepart_assets.imaging.borders import Box
from deepart_assets.orchestration.asset_factory import data_asset, painting_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.context import (
    MOSAIC_SIZE,
    Painting,
    PaintingStageSpec,
    StageContext,
    StageSpec,
)
from deepart_assets.outpainting.scene_completion.ground import VERSION, Ground, describe_ground
from deepart_assets.outpainting.scene_completion.library import GroundLibrary
from deepart_assets.outpainting.scene_completion.shipped import ShippedLibrary, find_library
from deepart_assets.progress import Progress
from deepart_assets.segmentation import support_in
from deepart_assets.settings import Settings
from deepart_assets.settings.grounds import Lenders
from deepart_assets.settings.outpainting import SceneCompletion
from deepart_assets.storage import StageResult, sha256_of
from deepart_assets.wikiart.lenders import refusal, without_effect
from deepart_assets.work import in_parallel

GROUNDS = f"{asset_names.GROUND_LIBRARY}/grounds.npz"
PICTURES = f"{asset_names.GROUND_LIBRARY}/pictures.json"
"""The library's files: what is known of the grounds, and where the picture of each is."""

LABELLED = ("title", "artist", "style", "genre", "date", "licence", "source")
"""The labels that `describe_ground` reads."""

READ_SIDE = 1024
"""Paintings are described from a copy with this smaller side at most."""

KEPT_SIDE, KEPT = 768, 64
"""So many pictures of grounds up to this smaller side are kept in memory."""


def ground_assets(settings: Settings) -> list[PipelineAssetSpec]:
    """Return the library of grounds, with those of the profile's own paintings if they lend any;
    nothing where no outpainter takes grounds from it.
    """
    if not any(isinstance(each, SceneCompletion) for each in settings.outpainters.values()):
        return []
    own = [painting_grounds] if settings.grounds.catalogue else []
    return [*own, _ground_library(settings)]


def ready_made_hash(settings: Settings) -> str:
    """Return a hash of the ready-made libraries.

    Raises:
        UnavailableError: One of them is missing.
    """
    libraries = (find_library(each) for each in settings.grounds.libraries)
    return sha256_of("".join(each.hash for each in libraries).encode())


@painting_asset(
    painting_deps=[asset_names.PREDICTED_MASKS, asset_names.SUBJECT_MASKS],
    group="outpainting",
    kinds={"python"},
    code_version=str(VERSION),
)
def painting_grounds(context: StageContext) -> PaintingStageSpec:
    """What the library needs to know of each painting that may lend its ground to another.

    Where its subject and other figures are, how plain the rest is, and vectors of both, from two
    small networks. `grounds.lenders` says which paintings may; the others are skipped. The
    library takes in what is new here only when it is renewed.
    """
    lenders = context.settings.grounds.lenders

    def labels(painting: Painting) -> dict[str, str]:
        return {name: painting.labels[name] for name in LABELLED if painting.labels.get(name)}

    def details(painting: Painting) -> Mapping[str, Any]:
        refused = refusal(painting.id, painting.labels, lenders)
        return {"refused": refused} if refused else {"labels": labels(painting)}

    def make(painting: Painting) -> StageResult:
        if refused := refusal(painting.id, painting.labels, lenders):
            raise SkipPainting(refused)
        mask = painting.decoded(asset_names.SUBJECT_MASKS, decode_grey)
        soft = resize(painting.decoded(asset_names.PREDICTED_MASKS, decode_grey), *mask.shape)
        picture = painting.original()
        record = painting.inputs[asset_names.SUBJECT_MASKS]
        if (support := support_in(painting.store, record)) is not None:
            picture, mask, soft = (support.box.of(each) for each in (picture, mask, soft))
        size = working_size(picture.shape[0], picture.shape[1], READ_SIDE)
        picture = resize(picture, *size)
        known = resize((mask > 0).astype(np.float32), *size) >= 0.5
        probability = resize(soft.astype(np.float32) / 255, *size)
        ground = describe_ground(
            picture, known, probability, id=painting.id, labels=labels(painting)
        )
        path = asset_names.output_path(asset_names.PAINTING_GROUNDS, painting.id, ".npz")
        figures = {name: getattr(ground, name) for name in ("usable", "kind", "base_row")}
        preview = preview_uri(_shown(picture, ground))
        metadata = {"preview": preview, **figures, "plain": round(ground.plain, 3)}
        return StageResult({path: ground.to_bytes()}, metadata)

    return PaintingStageSpec(make, details=details)


def _shown(picture: NDArray[np.uint8], ground: Ground) -> NDArray[np.uint8]:
    """Grey out what the painting does not lend."""
    hole = resize(ground.hole.astype(np.float32), *picture.shape[:2])[..., None] >= 0.5
    return np.where(hole, np.uint8(124), picture)


class _Place(NamedTuple):
    """Where the picture of a ground is: in the lake, or in a ready-made library."""

    path: str = ""
    sha256: str = ""
    box: Box | None = None
    """What of the picture is the painting, where it has a support."""
    library: int | None = None
    """Its place in `grounds.libraries`."""
    described: str = ""
    """SHA-256 of the file of `painting_grounds`."""


LIBRARY_VERSION = f"{VERSION}.4"
"""Raised whenever the library comes out otherwise; 4: its grounds are stacked."""


def _ground_library(settings: Settings) -> PipelineAssetSpec:
    @data_asset(
        settings=lambda settings: settings.grounds.model_dump(mode="json"),
        group="outpainting",
        snapshot_of=[asset_names.PAINTING_GROUNDS] if settings.grounds.catalogue else [],
        kinds={"numpy"},
        code_version=LIBRARY_VERSION,
    )
    def ground_library(context: StageContext) -> StageSpec:
        """The library of grounds that outpainters of kind `scene_completion` choose from.

        The grounds of the profile's ready-made libraries, and of its own paintings as they were
        when it was made. It is frozen: a new painting is restored from it and makes nothing else
        stale. The job `renew_ground_library`, materializing it by itself, and a change of the
        settings `grounds` make it again; then what is made from it is stale if it is another.
        """
        choice = context.settings.grounds
        libraries = [find_library(each) for each in choice.libraries]
        ready_made = ready_made_hash(context.settings)

        def make() -> StageResult:
            found: dict[str, tuple[Ground, _Place]] = {}
            lenders = choice.lenders
            withdrawn = Lenders(
                not_paintings=lenders.not_paintings, not_artists=lenders.not_artists
            )
            for number, library in enumerate(libraries):
                for ground in library.library.grounds:
                    if not refusal(ground.id, {"artist": ground.artist}, withdrawn):
                        found[ground.id] = ground, _Place(library=number)
            for line in without_effect(lenders, _artists(context, libraries)):
                context.log.warning(line)
            own = _own_grounds(context) if choice.catalogue else {}
            found |= own
            places = {key: place for key, (_, place) in found.items()}
            picture = partial(_picture, context, libraries, places)
            made = GroundLibrary.of((ground for ground, _ in found.values()), picture)
            kept = {ground.id: places[ground.id] for ground in made.grounds}
            pictures = json.dumps(kept, indent=0, sort_keys=True)
            # Not the statistics, whose last digits depend on the processor, nor how it is deflated.
            made_from = json.dumps([LIBRARY_VERSION, ready_made, pictures])
            first = [ground.id for ground in made.grounds[:MOSAIC_SIZE]]
            return StageResult(
                {GROUNDS: made.to_bytes(), PICTURES: pictures.encode()},
                {
                    "preview": preview_uri(mosaic([picture(key, 192) for key in first]), 960),
                    "grounds": len(made.grounds),
                    "from_paintings": sum(key in own for key in kept),
                    "kinds": dict(sorted(Counter(each.kind for each in made.grounds).items())),
                    "lenders": [
                        {"id": each.id, "artist": each.artist, "title": each.title}
                        for each in made.grounds[:SHOWN]
                    ],
                },
                content={GROUNDS: sha256_of(made_from.encode())},
            )

        return StageSpec(make, inputs={"libraries": ready_made})

    return ground_library


SHOWN = 100
"""Rows of a table in the UI."""


def _artists(context: StageContext, libraries: Sequence[ShippedLibrary]) -> dict[str, str]:
    """Return the artists of the ready-made grounds and of the profile's paintings, by id."""
    grounds = (ground for each in libraries for ground in each.library.grounds)
    own = context.paintings if context.settings.grounds.catalogue else {}
    return {each.id: each.artist for each in grounds} | {
        key: painting.labels["artist"] for key, painting in own.items()
    }


def _own_grounds(context: StageContext) -> dict[str, tuple[Ground, _Place]]:
    """Return the grounds that the profile's paintings lend, and where their pictures are, by id.

    A painting whose original or mask has changed since its ground was described lends none.
    """
    store, lenders = context.store, context.settings.grounds.lenders

    def found(painting: Painting) -> tuple[str, tuple[Ground, _Place]] | None:
        record = store.done(asset_names.PAINTING_GROUNDS, painting.id)
        mask = store.done(asset_names.SUBJECT_MASKS, painting.id)
        if record is None or mask is None or refusal(painting.id, painting.labels, lenders):
            return None
        # The hole of another picture, or of another mask, would be laid over this one.
        now = {"original": painting.sha256, asset_names.SUBJECT_MASKS: mask.data_version}
        if not now.items() <= record.provenance["inputs"].items():
            return None
        support = support_in(store, mask)
        box = None if support is None else support.box
        described = record.files[0].sha256
        ground = Ground.from_bytes(store.read(record), record.path)
        place = _Place(painting.path, painting.sha256, box, None, described)
        return painting.id, (ground, place)

    listed = context.paintings
    progress = Progress(asset_names.GROUND_LIBRARY, 0, len(listed), context.log.info)
    own: dict[str, tuple[Ground, _Place]] = {}
    for number, each in enumerate(in_parallel(found, listed.values()), 1):
        progress.update(number)
        if each is not None:
            own.update([each])
    return own


def ground_library(context: StageContext) -> GroundLibrary:
    """Return the library of the lake.

    Raises:
        DeepArtError: It was never made, or is damaged.
    """
    libraries = [find_library(each) for each in context.settings.grounds.libraries]
    places = {
        key: _Place(*each)
        for key, each in json.loads(context.read(asset_names.GROUND_LIBRARY, 1)).items()
    }
    picture = lru_cache(KEPT)(partial(_picture, context, libraries, places))

    def of(ground: str, side: int) -> NDArray[np.uint8]:
        if side <= KEPT_SIDE:
            return picture(ground, side)
        return _picture(context, libraries, places, ground, side)

    return GroundLibrary.from_bytes(context.read(asset_names.GROUND_LIBRARY), of, GROUNDS)


def _picture(
    context: StageContext,
    libraries: Sequence[ShippedLibrary],
    places: Mapping[str, _Place],
    ground: str,
    side: int,
) -> NDArray[np.uint8]:
    """Return the painting that lends a ground, its smaller side at most `side`: uint8, RGB.

    Raises:
        PaintingError: Its original is no longer what it was when the library was made.
    """
    place = places[ground]
    if place.library is not None:
        return libraries[place.library].picture(ground, side)
    try:
        data = context.lake.read(place.path)
    except FileNotFoundError:
        data = b""
    if sha256_of(data) != place.sha256:
        gone = (
            f"{place.path}, whose ground is in {asset_names.GROUND_LIBRARY}, is gone or another"
            " picture now: run the job renew_ground_library"
        )
        context.log.warning(gone)  # an outpainter may do without it
        raise PaintingError(gone)
    whole = decode_rgb(data, place.path)
    whole = whole if place.box is None else Box(*place.box).of(whole)
    return resize(whole, *working_size(whole.shape[0], whole.shape[1], side))
