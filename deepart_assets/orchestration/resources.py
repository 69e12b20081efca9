"""The resource of the project: the profile, editable in the launchpad, and its data lake."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dagster as dg

from deepart_assets.dagster_internals.checked_shape import CheckedShape
from deepart_assets.orchestration.launchpad import config_field
from deepart_assets.settings import Settings, validate_settings
from deepart_assets.settings.section import deep_merge
from deepart_assets.storage import Lake, MaterializationStore

FIXED = {"profile", "execution", "automation"}
"""Sections that are part of the graph and cannot change from run to run."""

DESCRIPTION = (
    "The profile's settings, section by section, and where the data are. Every run starts from the"
    " profile's file. What is given here overrides it for that run (deep merge) and is checked like"
    " the file, before the run starts. Which outpainters exist, and of which kind, is part of the"
    " graph: their settings can be changed here."
)


@dataclass(frozen=True)
class Profile:
    """The settings of a run, and its data lake."""

    settings: Settings
    data_root: str

    @cached_property
    def lake(self) -> Lake:
        """The data lake."""
        return Lake(self.data_root)

    @cached_property
    def store(self) -> MaterializationStore:
        """The records of the data lake."""
        return MaterializationStore(self.lake)


def profile_resource(settings: Settings, data_root: str) -> dg.ResourceDefinition:
    """Return the resource, which makes a `Profile` of what the launchpad overrides.

    Its schema is that of the settings' models, with the profile's values as defaults. Values that
    the schema allows and the models do not are refused when Dagster builds a run's plan.
    """
    base = settings.model_dump(mode="json")

    def settings_with(given: Mapping[str, Any]) -> Settings:
        overrides = {name: value for name, value in given.items() if name != "data_root"}
        where = "launchpad, resources.profile"
        return validate_settings(deep_merge(base, overrides), where)

    fields = {
        "data_root": dg.Field(
            str,
            default_value=data_root,
            is_required=False,
            description="The data lake: a folder or an fsspec URL.",
        )
    }
    # None is always a default of the models.
    shown = settings.model_dump(mode="json", exclude=FIXED, exclude_none=True)
    for name, value in shown.items():
        annotation = Settings.model_fields[name].annotation
        if name == "outpainters":
            given = {key: config_field(type(each)) for key, each in settings.outpainters.items()}
            description = "The outpainters by name."
            fields[name] = dg.Field(
                dg.Shape(given), default_value=value, is_required=False, description=description
            )
        else:
            fields[name] = config_field(annotation, default_value=value)

    @dg.resource(config_schema=CheckedShape(fields, settings_with), description=DESCRIPTION)
    def profile(context: dg.InitResourceContext) -> Profile:
        given = context.resource_config
        return Profile(settings_with(given), given["data_root"])

    return profile
