"""The movements and classes of the DRAM networks, and the movement nearest to each style."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from deepart_assets.names import name_key

Movement = Literal["realism", "impressionism", "post_impressionism", "expressionism"]
"""One published network each."""

Thing = Literal[
    "bird", "boat", "bottle", "cat", "chair", "cow",
    "dog", "horse", "person", "potted plant", "sheep",
]  # fmt: skip
"""The classes besides background, in the order of their ids, 1 to 11."""

THINGS: tuple[Thing, ...] = get_args(Thing)


def _as_mixture(value: Any) -> Any:
    return {value: 1.0} if isinstance(value, str) else value


Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]

Mixture = Annotated[dict[Movement, Weight], BeforeValidator(_as_mixture), Field(min_length=1)]
"""Networks and their weights, of any sum; a movement's name alone is that movement with 1."""


def one_key_each(styles: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the table if no two of its styles are one name.

    Raises:
        ValueError: Two are, or one has no letter; names them.
    """
    seen: dict[str, str] = {}
    for style in styles:
        key = name_key(style)
        if not key:
            raise ValueError(f"{style!r} is no name of a style")
        if key in seen:
            raise ValueError(f"{seen[key]!r} and {style!r} are one style: keep one of them")
        seen[key] = style
    return styles


def not_empty(classes: tuple[Thing, ...]) -> tuple[Thing, ...]:
    """Return the classes if there are any.

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
"""WikiArt's 27 styles by what is nearest to them in time and manner: modelled light and shade
(realism), broken colour (impressionism), outlined flat colour (post-impressionism), forms that are
bent or taken apart (expressionism). It follows the history of art; nothing of it was measured."""

NEAREST_MOVEMENT: dict[str, dict[Movement, float]] = {
    style: {movement: 1.0} for movement, styles in _NEAR.items() for style in styles
}
"""The network of each style."""
