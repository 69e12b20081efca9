"""The movements and classes of the DRAM networks, and the movement nearest to each style."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from deepart_assets.names import name_key

Movement = Literal["realism", "impressionism", "post_impressionism", "expressionism"]
"""The published networks, one for each movement."""

Thing = Literal[
    "bird", "boat", "bottle", "cat", "chair", "cow",
    "dog", "horse", "person", "potted plant", "sheep",
]  # fmt: skip
"""The classes besides the background, in the order of their ids 1 to 11."""

THINGS: tuple[Thing, ...] = get_args(Thing)


def _as_mixture(value: Any) -> Any:
    return {value: 1.0} if isinstance(value, str) else value


Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]

Mixture = Annotated[dict[Movement, Weight], BeforeValidator(_as_mixture), Field(min_length=1)]
"""Networks and their weights, with any sum. A movement's name alone stands for weight 1."""


def one_key_each(styles: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the table if its styles are distinct names.

    Raises:
        ValueError: Two styles differ only in spelling, or one has no letter.
    """
    seen: dict[str, str] = {}
    for style in styles:
        key = name_key(style)
        if not key:
            raise ValueError(f"{style!r} is not the name of a style")
        if key in seen:
            raise ValueError(f"{seen[key]!r} and {style!r} are the same style: keep one of them")
        seen[key] = style
    return styles


def not_empty(classes: tuple[Thing, ...]) -> tuple[Thing, ...]:
    """Return the classes.

    Raises:
        ValueError: There are none.
    """
    if not classes:
        raise ValueError(f"name at least one class of {', '.join(THINGS)}")
    return classes


_NEAR: dict[Movement, tuple[str, ...]] = {
    "realism": (
        "Realism", "Baroque", "Contemporary Realism", "Early Renaissance", "High Renaissance",
        "Mannerism (Late Renaissance)", "New Realism", "Northern Renaissance", "Rococo",
        "Romanticism",
    ),
    "impressionism": ("Impressionism", "Pointillism"),
    "post_impressionism": (
        "Post Impressionism", "Art Nouveau (Modern)", "Naive Art (Primitivism)", "Pop Art",
        "Symbolism", "Ukiyo-e",
    ),
    "expressionism": (
        "Expressionism", "Abstract Expressionism", "Action painting", "Analytical Cubism",
        "Color Field Painting", "Cubism", "Fauvism", "Minimalism", "Synthetic Cubism",
    ),
}  # fmt: skip
"""WikiArt's 27 styles by the movement nearest in time and manner: modelled light and shade
(realism), broken colour (impressionism), outlined flat colour (post-impressionism), distorted or
fragmented forms (expressionism). It follows the history of art and was not measured."""

NEAREST_MOVEMENT: dict[str, dict[Movement, float]] = {
    style: {movement: 1.0} for movement, styles in _NEAR.items() for style in styles
}
"""The default network of each style."""
