"""A whole profile, with a section for each stage of the pipeline."""

from pydantic import Field

from deepart_assets.settings.automation import Automation
from deepart_assets.settings.execution import Execution, LocalExecution
from deepart_assets.settings.grounds import Grounds
from deepart_assets.settings.outpainting import Outpainter
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
