"""The files of BasicSR's training options, which a profile's settings override."""

from copy import deepcopy
from functools import lru_cache
from typing import Any

import yaml

from deepart_assets.settings.places import project_path


def read_options(path: str) -> dict[str, Any]:
    """Return the options of a file, for the caller to change.

    Args:
        path: Of the file; a relative one is the project's (`settings.places.project_path`).

    Raises:
        ValueError: It cannot be read, or does not hold options. The message has the remedy.
    """
    file = project_path(path)
    try:
        content = _parsed(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        fault = getattr(error, "strerror", None) or error
        raise ValueError(
            f"the options {file} cannot be read ({fault}): set options to a YAML file of BasicSR's"
            " format, such as configs/SR/art_esrgan.yml"
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"{file} must hold BasicSR's options, as configs/SR/art_esrgan.yml does")
    return deepcopy(content)


@lru_cache(maxsize=16)
def _parsed(text: str) -> Any:
    """Parse once what every validation of a profile reads: 20 ms a file, and 29 reads a demo."""
    return yaml.safe_load(text)
