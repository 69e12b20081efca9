"""The settings of the library of grounds, from which `scene_completion` takes its surrounds."""

from typing import Annotated, Literal

from pydantic import Field

from deepart_assets.settings.section import NonEmpty, Section, YearRange


class BundledLibrary(Section):
    """A library that comes with the project, `data/grounds/<name>`."""

    kind: Literal["bundled"]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


class FolderLibrary(Section):
    """A library that `recipes/ground_library` made from a folder of pictures."""

    kind: Literal["folder"]
    path: NonEmpty = Field(description="A path, relative to the project.")


Library = Annotated[BundledLibrary | FolderLibrary, Field(discriminator="kind")]


class Lenders(Section):
    """Which of the profile's paintings lend their ground: those that meet every condition given.

    Names match as in `styled_paintings`.
    """

    styles: tuple[str, ...] = Field((), description="Empty: all.")
    genres: tuple[str, ...] = Field((), description="Empty: all.")
    artists: tuple[str, ...] = Field((), description="Empty: all.")
    licences: tuple[str, ...] = Field(
        (), description="Of the CSV's column `licence`. Empty: all, those without a licence too."
    )
    years: YearRange = (None, None)
    not_styles: tuple[str, ...] = Field(
        ("Ink and wash painting", "Shin-hanga", "Sōsaku hanga", "Ukiyo-e"),
        description="Styles that never lend: prints and drawings.",
    )
    not_genres: tuple[str, ...] = Field(
        (
            "advertisement",
            "calligraphy",
            "caricature",
            "design",
            "drawing",
            "illustration",
            "photo",
            "poster",
            "print",
            "sculpture",
            "sketch and study",
        ),
        description="Genres that never lend.",
    )
    not_artists: tuple[str, ...] = Field(
        (), description="Artists who never lend, nor in ready-made libraries."
    )
    not_paintings: tuple[str, ...] = Field(
        (), description="Ids of paintings that never lend, nor in ready-made libraries."
    )


class Grounds(Section):
    """The library of grounds: frozen, so that a new painting makes no other's result stale.

    It is made again if one of these settings changes, or by the job `renew_ground_library`.
    """

    libraries: tuple[Library, ...] = Field(
        (BundledLibrary(kind="bundled", name="cc0"),),
        description="Ready-made libraries, whose pictures come with them.",
    )
    catalogue: bool = Field(
        True, description="Whether the profile's own paintings lend their grounds, too."
    )
    lenders: Lenders = Lenders()
    edition: int = Field(
        1, ge=1, description="Another number renews the library with what there is then."
    )
