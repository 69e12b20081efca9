"""Reads patch tokens: which are a figure, sky, water or a floor, of what kind a painting is, and
whether it is set outdoors.

Linear probes, trained by `recipes/scene_matcher`.
"""

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.places import PROJECT

FILE = PROJECT / "data" / "models" / "scene_completion" / "scene_matcher.safetensors"
"""The weights that the project ships; data/models/README.md says what they were made from."""
KINDS = ("figure", "still", "landscape", "interior")
PLACES = ("figure", "sky", "water", "floor")


@cache
def weights() -> dict[str, NDArray[np.float32]]:
    """Return the matrices by name.

    Raises:
        UnavailableError: The file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return {name: each.astype(np.float32) for name, each in load_file(FILE).items()}
    except (OSError, SafetensorError) as error:
        raise UnavailableError(
            f"{FILE} cannot be read ({error}): check the project out again"
        ) from error


def places(tokens: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return how much each patch is each of `PLACES`: r×c; above 0 is likelier than not.

    Args:
        tokens: float32, r×c×384: see `tokens_of`, of a whole picture.
    """
    probe = weights()["places"]
    scores = tokens @ probe[:, :-1].T + probe[:, -1]
    return {name: scores[..., index] for index, name in enumerate(PLACES)}


def likely_kind(tokens: NDArray[np.float32]) -> str:
    """Return which of `KINDS` a picture is, by its tokens, r×c×384."""
    probe = weights()["kinds"]
    return KINDS[int(np.argmax(probe[:, :-1] @ tokens.mean((0, 1)) + probe[:, -1]))]


def likely(
    what: Literal[
        "outdoors_subject", "outdoors_told", "outdoors_ground", "water_subject", "water_ground"
    ],
    vectors: NDArray[np.float32],
) -> NDArray:
    """Return how likely each painting is set outdoors, or its ground is open water: N, in [0, 1].

    Args:
        what: Which is asked, and what of the paintings is looked at: a ground tells far more surely
            whether it is outdoors.
        vectors: float32, N×384: `Ground.subject` or `Ground.ground` of each; for what is told, the
            first with `GroundTone.features` after it, N×411.
    """
    probe = weights()[what]
    return np.asarray(0.5 + 0.5 * np.tanh((vectors @ probe[:-1] + probe[-1]) / 2))
