"""The settings: what a profile may say, and how it is read."""

from deepart_assets.settings.models import Settings
from deepart_assets.settings.profile import load_settings, validate_settings

__all__ = ["Settings", "load_settings", "validate_settings"]
