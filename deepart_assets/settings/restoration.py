"""The settings of a restoration that all outpainters share."""

import re
from string import Formatter

from pydantic import Field, field_validator

from deepart_assets.settings.section import Section

PROMPT_FIELDS = ("style", "genre", "artist", "title", "date")
"""What a prompt may name of a painting."""


class Restoration(Section):
    """What all outpainters share."""

    working_side: int = Field(512, ge=64, description="Smaller side of the working copy, pixels.")
    ground_tone: bool = Field(
        True,
        description="Outpainters are told the tone that the painting has beside and below its"
        " subject: scene_completion chooses and lights grounds and paints floors by it,"
        " artificially_inspired follows it. Off:"
        " nothing of what is to be generated is looked at.",
    )
    prompt: str = Field(
        "a painting[ in {style} style]",
        description="For outpainters that read one: {style}, {genre}, {artist}, {title}, {date}. A"
        " part in square brackets is left out where something named in it is not known. A"
        " painting's own prompt, from the column prompt of its CSV or from the desk, precedes it.",
    )
    negative_prompt: str = ""
    seed: int = 0
    candidates: int = Field(
        1,
        ge=1,
        le=16,
        description="Outpaintings of each painting by an outpainter that has learnt to, or by"
        " scene_completion; the one with the least visible seam goes on, of scene_completion the"
        " one whose ground suits best, and the others are kept beside it.",
    )
    batch: int = Field(4, ge=1, description="Paintings that an outpainter is given together.")
    evaluated: int = Field(
        24, ge=1, description="Paintings in `outpainting_evaluation` at most, chosen by a hash."
    )
    shown: int = Field(8, ge=0, description="Paintings on its sheet.")
    archive_tiff: bool = Field(
        False,
        description="Write a TIFF of each accepted result beside its PNG in `chosen_restorations`:"
        " deflate, an ICC profile of sRGB, 16 bits where the original has more than 8.",
    )
    keep_subject: bool = Field(
        True,
        description="In the enlarged result the subject comes from the original painting where that"
        " is larger than the working copy: reduced, or enlarged, by more than 2.1 by the network;"
        " off: all of it is the enlarged working copy.",
    )

    @field_validator("prompt")
    @classmethod
    def _can_be_filled_in(cls, template: str) -> str:
        fields = ", ".join(f"{{{name}}}" for name in PROMPT_FIELDS)
        for part in re.split(r"\[([^\[\]]*)\]", template):  # as it is filled in
            try:
                named = {name for _, name, _, _ in Formatter().parse(part) if name is not None}
                if unknown := named - {*PROMPT_FIELDS}:
                    raise ValueError(f"{{{min(unknown)}}} is not known")
                part.format_map(dict.fromkeys(PROMPT_FIELDS, ""))
            except ValueError as error:
                raise ValueError(f"{error}: use {fields}, and {{{{ for a brace") from error
        return template
