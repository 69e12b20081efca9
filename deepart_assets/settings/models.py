"""A whole profile, with a section for each stage of the pipeline."""

from pydantic import Field, ValidationInfo, field_validator

from deepart_assets.settings.automation import Automation
from deepart_assets.settings.execution import Execution, LocalExecution
from deepart_assets.settings.grounds import Grounds
from deepart_assets.settings.outpainting import ArtificiallyInspired, Outpainter
from deepart_assets.settings.restoration import Restoration
from deepart_assets.settings.section import Name, Section
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.settings.super_resolution import SuperResolution
from deepart_assets.settings.wikiart import Inbox, StyledPaintings, WikiArt


class Settings(Section):
    """A whole profile: the sections in the order of the pipeline."""

    profile: str
    wikiart: WikiArt
    inbox: Inbox = Inbox()
    styled_paintings: StyledPaintings = StyledPaintings()
    super_resolution: SuperResolution
    segmentation: Segmentation = Segmentation()
    restoration: Restoration = Restoration()
    grounds: Grounds = Grounds()
    outpainters: dict[Name, Outpainter] = Field(min_length=1)
    automation: Automation = Automation()
    execution: Execution = LocalExecution()

    @field_validator("outpainters")
    @classmethod
    def _have_what_enlarges(
        cls, outpainters: dict[str, Outpainter], info: ValidationInfo
    ) -> dict[str, Outpainter]:
        network = info.data.get("super_resolution")
        if network is None or network.psnr_weights is not None:
            return outpainters
        for name, each in outpainters.items():
            if isinstance(each, ArtificiallyInspired) and each.enlarge == "network":
                raise ValueError(
                    f"{name} is enlarged by super_resolution.psnr_weights, which is missing: set"
                    " it, or `enlarge: bicubic`"
                )
        return outpainters
