"""The code location that Dagster loads: the profile named by DEEPART_PROFILE."""

from deepart_assets.build import build_defs
from deepart_assets.settings import load_settings

defs = build_defs(load_settings())
