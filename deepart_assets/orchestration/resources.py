"""The resource of the project: the profile, editable in the launchpad, and its data lake."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import dagster as dg
from pydantic import Field

from deepart_assets.settings import Settings, validate_settings
from deepart_assets.settings.section import deep_merge
from deepart_assets.storage import Lake, MaterializationStore

FIXED = {"profile", "execution", "automation"}
"""Sections that are part of the graph and cannot change from run to run."""


class Profile(dg.ConfigurableResource):
    """The profile's settings, section by section, and where the data are.

    Every run starts from the profile's file. `resources.profile.config` in the launchpad overrides
    it for that run (deep merge) and is validated like the file. Which outpainters exist is part of
    the graph: their settings can be changed there, their names cannot.
    """

    data_root: str = Field(description="The data lake: a folder or an fsspec URL.")
    base: ClassVar[Mapping[str, Any]] = {}

    @cached_property
    def settings(self) -> Settings:
        """The settings in force for this run.

        Raises:
            SettingsError: The launchpad's values are wrong.
        """
        given = {name: getattr(self, name) for name in self.base if hasattr(self, name)}
        return validate_settings(deep_merge(self.base, given), "launchpad, resources.profile")

    @cached_property
    def lake(self) -> Lake:
        """The data lake."""
        return Lake(self.data_root)

    @cached_property
    def store(self) -> MaterializationStore:
        """The records of the data lake."""
        return MaterializationStore(self.lake)


def profile_resource(settings: Settings, data_root: str) -> Profile:
    """Return a resource whose fields have the profile's sections as defaults."""
    base = settings.model_dump(mode="json")
    namespace: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": Profile.__doc__,
        "__annotations__": {"data_root": str, "base": ClassVar[Mapping[str, Any]]},
        "data_root": Field(default=data_root, description="A folder or an fsspec URL."),
        "base": base,
    }
    for name in base.keys() - FIXED:
        model = Settings.model_fields[name].annotation
        namespace["__annotations__"][name] = dict[str, Any]
        # None is always a default, and Dagster's maps cannot hold it.
        shown = settings.model_dump(mode="json", include={name}, exclude_none=True)[name]
        namespace[name] = Field(default=shown, description=getattr(model, "__doc__", None))
    return type("Profile", (Profile,), namespace)()
