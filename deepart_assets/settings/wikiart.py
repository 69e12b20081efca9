"""Settings of the painting sources, the inbox and the selection of paintings to restore."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from deepart_assets.settings.section import Name, Section, Share, YearRange
from deepart_assets.settings.weights import Sha256Start


class FolderSource(Section):
    """A folder or fsspec URL of pictures, optionally with a CSV in Kaggle's columns."""

    kind: Literal["folder"] = "folder"
    path: str
    csv: str | None = Field(None, description="Name of the CSV inside the folder.")


ArchiveName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][^/\\]*\.zip$")]


class KaggleSource(Section):
    """A Kaggle competition's archives; credentials come from Kaggle's usual places."""

    kind: Literal["kaggle"]
    competition: str = Field("painter-by-numbers", pattern=r"^[a-z0-9-]+$")
    archives: tuple[ArchiveName, ...] = Field(("train.zip", "test.zip"), min_length=1)
    csv: str = Field("all_data_info.csv", pattern=r"^[^/\\]+$")

    @field_validator("competition", mode="before")
    @classmethod
    def _of_url(cls, value: object) -> object:
        """Take the name out of a competition's address."""
        found = re.match(r"https?://(?:www\.)?kaggle\.com/(?:competitions|c)/([^/?#]+)", f"{value}")
        return found[1] if found else value


class DriveSource(Section):
    """A zip archive on Google Drive, by file id."""

    kind: Literal["drive"]
    file_id: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    csv: str | None = Field(None, description="Name of the CSV, anywhere inside the archive.")
    sha256: Sha256Start | None = Field(None, description="None: that of the first download.")

    @field_validator("file_id", mode="before")
    @classmethod
    def _of_url(cls, value: object) -> object:
        """Take the id out of a link to a file."""
        found = re.match(
            r"https?://drive\.google\.com/.*(?:/d/|[?&]id=)([A-Za-z0-9_-]+)", f"{value}"
        )
        return found[1] if found else value


Source = Annotated[FolderSource | KaggleSource | DriveSource, Field(discriminator="kind")]


class Inbox(Section):
    """The folder for paintings to restore whatever their style; created if missing."""

    path: str | None = Field(
        None, description="A folder or fsspec URL. Left out: `inbox` in the data root."
    )
    csv: str = Field(
        "paintings.csv",
        pattern=r"^[^/\\]+$",
        description="Name of an optional CSV inside it: files, artists, titles, years.",
    )


class StyleLabels(Section):
    """Zero-shot styles for paintings without one, by a SigLIP or CLIP model."""

    model: str = Field(
        "google/siglip2-base-patch16-224",
        description="Id of a zero-shot image classification model on the Hugging Face hub, or a"
        " local folder with one.",
    )
    revision: str | None = Field(None, description="Commit, tag or branch on the hub.")
    styles: tuple[str, ...] = Field(
        (), description="Candidate styles. Empty: the styles of the catalogue."
    )
    minimal_score: Share = Field(
        0.5,
        description="A painting keeps no style if the best one scores less; the scores of all"
        " candidates sum to 1.",
    )


class WikiArt(Section):
    """The sources of the paintings."""

    sources: dict[Name, Source] = Field(
        description="By name, in order of precedence: of two files with the same id or content,"
        " the file of the first source is kept. Empty: there is the inbox alone.",
    )
    style_labels: StyleLabels | None = Field(
        None, description="Left out: paintings without a style keep none."
    )


class StyledPaintings(Section):
    """Which paintings are restored: those that meet every condition given.

    Names match regardless of case, accents, hyphens, underscores and extra spaces; an artist's name
    also regardless of word order.
    """

    styles: tuple[str, ...] = Field((), description="Empty: all.")
    genres: tuple[str, ...] = Field((), description="Empty: all.")
    artists: tuple[str, ...] = Field((), description="Empty: all.")
    years: YearRange = (None, None)
    minimal_side: int = Field(1, ge=1, description="Smaller side in pixels.")
    orientations: tuple[Literal["landscape", "portrait", "square"], ...] = Field(
        (), description='Empty: all. "square": the sides differ by at most 5 %.'
    )
    limit: int | None = Field(None, ge=1, description="At most this many, in the order of ids.")
