"""The asset of an outpainter's network, fetched once: Artificially Inspired's and inpainting's."""

from collections.abc import Mapping

from deepart_assets import asset_names
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.context import StageContext, StageSpec
from deepart_assets.outpainting import inpainting
from deepart_assets.outpainting.comodgan import sources as comodgan
from deepart_assets.outpainting.inpainting.networks import read_network
from deepart_assets.settings import Settings
from deepart_assets.settings.outpainting import ArtificiallyInspired, Inpainting
from deepart_assets.storage import StageResult


def generator_weights(name: str) -> PipelineAssetSpec:
    """Return the asset `<name>_weights` of the outpainter `name`."""
    asset = asset_names.outpainter_weights(name)

    def chosen(settings: Settings) -> ArtificiallyInspired | Inpainting:
        outpainter = settings.outpainters[name]
        assert isinstance(outpainter, ArtificiallyInspired | Inpainting)  # others have no such
        return outpainter

    def source(settings: Settings) -> Mapping[str, object]:
        return chosen(settings).weights.model_dump(mode="json")

    @data_asset(name=asset, settings=source, group="outpainting", kinds={"pytorch"})
    def weights(context: StageContext) -> StageSpec:
        """The network of this outpainter.

        Of a CoModGAN, published checkpoints (TensorFlow's pickle, PyTorch's) are read without
        running any code in them and stored as safetensors with their provenance. LaMa and MI-GAN
        are checked, and stored as they are published.
        """
        settings = chosen(context.settings)

        def fetch() -> StageResult:
            if isinstance(settings, ArtificiallyInspired):
                file = comodgan.fetch_weights(settings.weights, context.downloads)
                return StageResult({f"{asset}/generator.safetensors": file.read_bytes()})
            data = inpainting.fetch_network(settings.weights, context.downloads).read_bytes()
            network = read_network(data, asset)
            path = f"{asset}/network{network.suffix}"
            return StageResult({path: data}, {"network": network.architecture})

        finder = (
            comodgan.FINDER if isinstance(settings, ArtificiallyInspired) else inpainting.FINDER
        )
        return StageSpec(fetch, inputs=finder.inputs(settings.weights))

    return weights
