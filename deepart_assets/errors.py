"""Exceptions of the package; their messages name the file and the remedy."""


class DeepArtError(Exception):
    """Base class of errors with a message for the user."""


class SettingsError(DeepArtError):
    """A profile or launchpad configuration is invalid; the message names file and key."""


class UnavailableError(DeepArtError):
    """Something the settings require is unavailable: a package, weights, credentials."""


class NotFetchedError(UnavailableError):
    """A model is not on this machine, and what only looks, as `deepart status`, fetches none."""


class PaintingError(DeepArtError):
    """One painting cannot be processed; others are not affected."""


class SkipPainting(DeepArtError):
    """One painting is skipped on purpose, for example because it has no subject."""


class UnknownPaintingError(DeepArtError):
    """No painting has the id or the style that was asked for; the message has similar ones."""


def described(error: BaseException) -> str:
    """Return an error's message; that of one that is not the package's own with its type's name."""
    return str(error) if isinstance(error, DeepArtError) else f"{type(error).__name__}: {error}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message without its full stop, or its type's name.

    Of one of the operating system its words alone, without number and path.
    """
    text = str(getattr(error, "strerror", None) or error)
    return (text.strip().splitlines() or [""])[0].rstrip(". ") or type(error).__name__
