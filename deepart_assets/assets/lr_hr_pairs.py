"""The asset of the LR/HR pairs for training and evaluation, its check, and reading it."""

import json
from collections.abc import Sequence

from deepart_assets import asset_names
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.context import StageContext, StageSpec
from deepart_assets.settings.places import cache_folder
from deepart_assets.storage import MaterializationRecord, StageResult
from deepart_assets.storage.records import attempt
from deepart_assets.super_resolution.data.pair_building import CODE_VERSION as PAIR_VERSION
from deepart_assets.super_resolution.data.pair_building import (
    Original,
    build_pairs,
    remove_unlisted,
)
from deepart_assets.super_resolution.data.pair_files import open_pairs
from deepart_assets.super_resolution.data.pairs import Pair
from deepart_assets.wikiart.catalogue import from_parquet

ALIGNMENT = 0.5
"""Largest acceptable shift between LR and HR, in LR pixels."""


def _misaligned(record: MaterializationRecord) -> str | None:
    shift = record.figures["largest_shift"]
    return f"shifted by {shift:.2f} LR pixels" if shift > ALIGNMENT else None


@data_asset(
    settings=lambda settings: settings.super_resolution.pairs.model_dump(mode="json"),
    group="super_resolution",
    deps=[asset_names.WIKIART_SR],
    kinds={"numpy"},
    code_version=PAIR_VERSION,
    checks=[
        Check(
            "aligned",
            f"No LR picture is shifted against its HR picture by more than {ALIGNMENT} LR pixels"
            " (phase correlation with the HR picture reduced by area averaging).",
            _misaligned,
        )
    ],
    after=lambda _, context: _tidy_pairs(context),
)
def lr_hr_pairs(context: StageContext) -> StageSpec:
    """Each painting of the data set in high resolution (HR), and reduced by four (LR).

    HR is the painting without the borders of its scan, its smaller side reduced to `pairs.hr_side`,
    never enlarged, both sides multiples of four. LR is HR reduced by MATLAB's bicubic, or by area
    averaging and JPEG as in the original notebook. Uncompressed TIFF at
    `lr_hr_pairs/<split>/{hr,lr}/<id>.tiff`, which training reads without decoding. A pair is made
    again only if its painting or the settings change.
    """
    choice = context.settings.super_resolution.pairs

    def make() -> StageResult:
        rows = from_parquet(context.read(asset_names.WIKIART_SR)).to_dict("records")
        originals = [
            Original(
                id=str(row["id"]),
                split=row["split"],
                path=str(row["path"]),
                sha256=str(row["sha256"]),
                box=(int(row["left"]), int(row["top"]), int(row["right"]), int(row["bottom"])),
            )
            for row in rows
        ]
        return build_pairs(context.store, originals, choice, context.picture, context.log.info)

    tried = attempt(context.store.done(asset_names.LR_HR_PAIRS))
    return StageSpec(make, inputs={"attempt": str(tried)})


def _tidy_pairs(context: StageContext) -> None:
    removed = remove_unlisted(context.store)
    if removed:
        context.log.info(f"lr_hr_pairs: removed {len(removed)} pictures that are no longer listed")


def read_pairs(context: StageContext) -> Sequence[Pair]:
    """Open the pairs that `lr_hr_pairs` made."""
    manifest = json.loads(context.read(asset_names.LR_HR_PAIRS))
    return open_pairs(context.lake, manifest, cache_folder() / asset_names.LR_HR_PAIRS)
