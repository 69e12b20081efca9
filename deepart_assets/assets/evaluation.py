"""The asset that evaluates the ×4 networks on the test split, and its checks."""

import contextlib
from collections.abc import Mapping
from typing import Any

from deepart_assets import asset_names
from deepart_assets.assets.lr_hr_pairs import read_pairs
from deepart_assets.errors import UnavailableError
from deepart_assets.imaging import encode_png, preview_uri
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.context import StageContext, StageSpec
from deepart_assets.reports import line_plot, report_json
from deepart_assets.settings import Settings
from deepart_assets.settings.evaluation import Peer
from deepart_assets.storage import MaterializationRecord, StageResult, records
from deepart_assets.super_resolution.data.pairs import of_split
from deepart_assets.super_resolution.evaluation.candidates import (
    BASE,
    GAN,
    Candidates,
    candidates,
    fetch_peers,
)
from deepart_assets.super_resolution.evaluation.claims import (
    CLAIMS,
    Claim,
    faults,
    worst_artefacts,
)
from deepart_assets.super_resolution.evaluation.comparison import Comparison, evaluate
from deepart_assets.super_resolution.evaluation.crops import picture_rows
from deepart_assets.super_resolution.evaluation.lpips import LpipsMetric
from deepart_assets.super_resolution.weights.sources import NETWORK_FINDER

ASSET = asset_names.ART_ESRGAN_EVALUATION


def _check(claim: Claim) -> Check:
    return Check(
        claim.name, claim.statement, lambda record: record.figures["faults"].get(claim.name)
    )


def _evaluation_settings(settings: Settings) -> dict[str, Any]:
    whole = settings.super_resolution
    evaluation = whole.evaluation.model_dump(mode="json", exclude={"lpips": {"path"}})
    if not whole.evaluation.peers:  # as before there was this option
        del evaluation["peers"]
    return {
        "evaluation": evaluation,
        "upscaling": whole.upscaling.provenance("maximal_blockiness"),
    }


@data_asset(
    settings=_evaluation_settings,
    group="super_resolution",
    deps=[asset_names.PSNR_WEIGHTS, asset_names.ART_ESRGAN, asset_names.LR_HR_PAIRS],
    kinds={"pytorch"},
    code_version="3",  # 3: four mirrored pixels around a picture
    pool="gpu",
    checks=[_check(claim) for claim in CLAIMS],
)
def art_esrgan_evaluation(context: StageContext) -> StageSpec:
    """Bicubic, base, Art ESRGAN, their interpolations and other networks on the test split, which
    no training uses.

    PSNR and SSIM on Y and RGB with a border of four pixels, NIQE, LPIPS where its backbone is
    there, seconds a painting, as means over the split. The plane of fidelity and naturalness (Blau
    and Michaeli 2018) with the line from base to Art ESRGAN. Rows of details as in the original
    notebook: low resolution, base, Art ESRGAN, original.
    """
    whole = context.settings.super_resolution
    choice, upscaling = whole.evaluation, whole.upscaling
    missing: dict[str, str] = {}
    try:
        lpips = LpipsMetric(choice.lpips)
    except UnavailableError as reason:
        lpips, missing["lpips"] = None, str(reason)

    def make() -> StageResult:
        tests = of_split(read_pairs(context), "test")
        peers, unavailable = fetch_peers(choice.peers, context.downloads)
        networks = candidates(context.read(BASE), context.read(GAN), choice, upscaling, peers)
        comparison = evaluate(
            tests,
            networks.upscalers,
            crop=choice.crop,
            lpips=lpips,
            report=lambda done, total, name: context.log.info(f"{ASSET} {done}/{total} {name}"),
        )
        shown = {f"4x {name}": networks.upscalers[key]() for name, key in _SHOWN.items()}
        rows_of_details = picture_rows(tests[: choice.shown], shown, choice.detail)
        return StageResult(
            {
                asset_names.report_path(ASSET): report_json(comparison.rows),
                asset_names.report_path(f"{ASSET}_paintings"): report_json(comparison.paintings),
                f"{ASSET}/crops.png": encode_png(rows_of_details),
            },
            {
                "preview": preview_uri(rows_of_details, 1100),
                "metrics": comparison.rows,
                "fidelity_and_naturalness": _plane(comparison, networks),
                "artefacts": worst_artefacts(comparison),
                "paintings": len(tests),
                "niqe_of_originals": comparison.originals["niqe"],
                "lpips": None if lpips is None else lpips.version,
                "left_out": networks.left_out | unavailable | missing,
                "faults": faults(comparison, choice),
            },
        )

    return StageSpec(
        make,
        inputs={
            "lpips": "none" if lpips is None else lpips.version,
            **_versions(choice.peers, context.store.done(ASSET)),
        },
    )


_SHOWN = {"PSNR": BASE, "Art ESRGAN": GAN}
"""The captions of the original notebook's picture row."""


def _versions(peers: Mapping[str, Peer], previous: MaterializationRecord | None) -> dict[str, str]:
    """Return what changes when the files of other networks do, or may be had after all."""
    versions, fetched = dict[str, str](), set[str]()
    for name, weights in peers.items():
        with contextlib.suppress(UnavailableError):  # the record says why it is left out
            found = NETWORK_FINDER.inputs(weights)
            versions |= {f"peer {name}": version for version in found.values()}
            if not found:  # only an attempt to fetch it tells
                fetched.add(name)
    tried = records.attempt(previous, fetched, records.RESTS)
    return versions | ({"attempt": str(tried)} if tried else {})


def _plane(comparison: Comparison, networks: Candidates) -> str | None:
    """Plot NIQE over PSNR-Y, with a line from base to GAN and points for the others."""
    places: dict[str, tuple[float, float]] = {
        row["name"]: (row["psnr_y"], row["niqe"])
        for row in comparison.rows
        if row["niqe"] is not None
    }
    line = [places[name] for name in networks.strengths if name in places]
    if not line:
        return None
    curves: dict[str, Any] = {"base (right) to Art ESRGAN": tuple(zip(*line, strict=True))}
    for name, (x, y) in places.items():
        if name not in networks.strengths:
            curves[name] = ([x], [y])
    return line_plot({"NIQE: lower is more natural": curves}, "PSNR-Y, dB: higher is more faithful")
