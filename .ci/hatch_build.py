"""Adds the profiles, models and sample paintings to the wheel."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = (".dagster_home/dagster.yaml", "configs", "data/grounds", "data/models", "data/sample")


class ShippedFiles(BuildHookInterface[Any]):
    """Puts the files that the package needs at run time into `deepart_assets/_shipped`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add them to a standard wheel; an editable install finds them in the checkout."""
        if version == "standard":
            for path in SHIPPED:
                build_data["force_include"][path] = f"deepart_assets/_shipped/{path}"
