"""The settings: what a profile may say, and how it is read.

Belongs here: the pydantic models (`models`) and their loading (`profile`). Does not belong here:
constants of a method that no user would change, which live beside the method.
"""

from deepart_assets.settings.models import Settings
from deepart_assets.settings.profile import load_settings, validate_settings

__all__ = ["Settings", "load_settings", "validate_settings"]
