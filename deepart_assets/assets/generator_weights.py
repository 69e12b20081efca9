"""The asset of an Artificially Inspired outpainter's weights, fetched and converted once."""

from collections.abc import Mapping

from deepart_assets import asset_names
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.context import StageContext, StageSpec
from deepart_assets.outpainting.comodgan.sources import FINDER, fetch_weights
from deepart_assets.settings import Settings
from deepart_assets.settings.outpainting import ArtificiallyInspired
from deepart_assets.settings.weights import GeneratorWeights
from deepart_assets.storage import StageResult


def generator_weights(name: str) -> PipelineAssetSpec:
    """Return the asset `<name>_weights` of the outpainter `name`."""
    asset = asset_names.outpainter_weights(name)

    def chosen(settings: Settings) -> GeneratorWeights:
        outpainter = settings.outpainters[name]
        assert isinstance(outpainter, ArtificiallyInspired)  # only these have this asset
        return outpainter.weights

    def source(settings: Settings) -> Mapping[str, object]:
        return chosen(settings).model_dump(mode="json")

    @data_asset(name=asset, settings=source, group="outpainting", kinds={"pytorch"})
    def weights(context: StageContext) -> StageSpec:
        """The CoModGAN generator of this outpainter.

        Published checkpoints (TensorFlow's pickle, PyTorch's) are read without running any code in
        them and stored as safetensors with their provenance.
        """
        settings = chosen(context.settings)

        def fetch() -> StageResult:
            file = fetch_weights(settings, context.downloads)
            return StageResult({f"{asset}/generator.safetensors": file.read_bytes()})

        return StageSpec(fetch, inputs=FINDER.inputs(settings))

    return weights
