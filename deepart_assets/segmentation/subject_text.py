"""Texts that say what the subject of a painting is: their validation, and their phrases."""

import re

from deepart_assets.errors import PaintingError
from deepart_assets.settings.segmenters import LONGEST_TEXT

EXAMPLE = "'the woman and the child; the dog'"

_BETWEEN = re.compile(r"[;,.:!?\n\r]+|\band\s+(?=(?:the|an?)\b)", re.IGNORECASE)


def phrases_of(text: str) -> tuple[str, ...]:
    """Return the things that a text names, in lower case, each once.

    They are separated by punctuation, line breaks, or by "and" before an article: "the woman and
    the child; a black and white dog" names three.
    """
    parts = (" ".join(part.split()).casefold() for part in _BETWEEN.split(text))
    return tuple(dict.fromkeys(part for part in parts if re.search(r"\w", part)))


def check_text(text: str, source: str) -> str:
    """Return a text if it is usable.

    Args:
        text: What somebody wrote.
        source: Where, for the message.

    Raises:
        PaintingError: It names nothing, or is too long; the message has the remedy.
    """
    if len(text) > LONGEST_TEXT:
        raise PaintingError(
            f"{source} has {len(text)} characters, more than {LONGEST_TEXT}: name the subject"
            f" alone, such as {EXAMPLE}"
        )
    if not phrases_of(text):
        raise PaintingError(
            f"{source} names nothing: write what the subject is, such as {EXAMPLE}, or remove it"
        )
    return text


def read_text(data: bytes, name: str) -> str:
    """Return the text in a file that somebody wrote, UTF-8 with or without a byte order mark.

    Raises:
        PaintingError: It is not UTF-8, or as for `check_text`; the message names the file.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # UTF-16 is valid UTF-8 with zeros in it
        raise PaintingError(f"{name} is not a text in UTF-8: save it as UTF-8, or remove it")
    return check_text(text.strip(), name)
