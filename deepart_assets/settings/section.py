"""The base of all settings.

Belongs here: what every part of a profile has in common. Does not belong here: any setting.
"""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the settings; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
