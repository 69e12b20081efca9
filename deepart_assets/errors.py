"""Exceptions that callers distinguish; messages name the file and the remedy."""


class DeepArtError(Exception):
    """Base of all errors with a message meant for the user."""


class SettingsError(DeepArtError):
    """A profile or a launchpad configuration is wrong; the message names the file and the key."""


class UnavailableError(DeepArtError):
    """Something the settings ask for cannot be had: a package, weights, credentials, a stage."""


class PaintingError(DeepArtError):
    """One painting cannot be processed; the others go on."""


class SkipPainting(DeepArtError):
    """One painting is left out on purpose (no subject found, say); not a fault."""
