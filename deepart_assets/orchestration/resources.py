"""The one resource of the project: a profile, editable in the launchpad, and its data lake.

Belongs here: the bridge between Dagster's configuration and the project's settings. Does not
belong here: the settings themselves (`settings`).
"""

from functools import cached_property
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr

from deepart_assets.settings import Settings, validate_settings
from deepart_assets.storage import Lake, Ledger


class Profile(dg.ConfigurableResource):
    """The profile's settings, section by section, and where the data are.

    Every run starts from the profile's file; what is edited in the launchpad holds for that run
    and is validated like the file. Which outpainters exist is part of the graph, so their names
    cannot be changed there.
    """

    data_root: str = Field(description="The data lake: a folder or an fsspec URL.")
    wikiart: dict[str, Any]
    styled_paintings: dict[str, Any]
    super_resolution: dict[str, Any]
    segmentation: dict[str, Any]
    restoration: dict[str, Any]
    outpainters: dict[str, Any]
    profile: str

    _settings: Settings | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings, data_root: str) -> "Profile":
        """Fill the resource with the sections of validated settings."""
        # What is None is a default, and Dagster's maps cannot hold it.
        content = settings.model_dump(mode="json", exclude={"execution"}, exclude_none=True)
        return cls(data_root=data_root, **content)

    @property
    def settings(self) -> Settings:
        """The settings in force for this run.

        Raises:
            SettingsError: The launchpad's values are wrong.
        """
        if self._settings is None:
            names = Settings.model_fields.keys() & type(self).model_fields.keys()
            content = {name: getattr(self, name) for name in names}
            self._settings = validate_settings(content, "launchpad, resources.profile")
        return self._settings

    @cached_property
    def lake(self) -> Lake:
        """The data lake."""
        return Lake(self.data_root)

    @cached_property
    def ledger(self) -> Ledger:
        """The records of the data lake."""
        return Ledger(self.lake)
