"""The asset of the ×4 network where its weights are published instead of trained."""

from typing import Any

from deepart_assets import asset_names
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.context import StageContext, StageSpec
from deepart_assets.settings import Settings
from deepart_assets.settings.training import AdversarialTraining
from deepart_assets.settings.weights import PublishedWeights
from deepart_assets.storage import StageResult
from deepart_assets.super_resolution.weights import fetch_network, provenance_of
from deepart_assets.super_resolution.weights.sources import NETWORK_FINDER

PATH = f"{asset_names.ART_ESRGAN}/{asset_names.ART_ESRGAN}.safetensors"


def _chosen(settings: Settings) -> PublishedWeights:
    choice = settings.super_resolution.art_esrgan
    assert not isinstance(choice, AdversarialTraining), "`trains` is asked first"
    return choice


def _settings(settings: Settings) -> dict[str, Any]:
    return _chosen(settings).model_dump(mode="json")


@data_asset(
    group="super_resolution", name=asset_names.ART_ESRGAN, settings=_settings, kinds={"pytorch"}
)
def published_art_esrgan(context: StageContext) -> StageSpec:
    """The network that enlarges four times, with published weights.

    From Google Drive, an address, the Hugging Face hub, a file, a package or the project, as the
    profile says; of any ×4 architecture that spandrel knows. Safetensors with their provenance.
    """
    choice = _chosen(context.settings)

    def make() -> StageResult:
        weights, network = fetch_network(choice, context.downloads)
        figures = {
            "network": network,
            "megabytes": round(len(weights) / 1e6, 2),
            "provenance": provenance_of(weights),
        }
        return StageResult({PATH: weights}, figures)

    return StageSpec(make, inputs=NETWORK_FINDER.inputs(choice))
