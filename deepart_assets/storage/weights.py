"""Finds the weights shipped with the project, and verifies SHA-256 hashes from a profile."""

from pathlib import Path

from deepart_assets.errors import UnavailableError


def shipped_weights(folder: Path, name: str, key: str, otherwise: str) -> Path:
    """Return the file of shipped weights with this name.

    Args:
        folder: Contains the shipped weights as <name>.safetensors.
        name: Name of the weights.
        key: The setting, for the message.
        otherwise: The `kind` to suggest if the folder has no weights.

    Raises:
        UnavailableError: The file does not exist; the message lists the available names.
    """
    file = folder / f"{name}.safetensors"
    if not file.is_file():
        known = sorted(each.stem for each in folder.glob("*.safetensors"))
        remedy = f"{key}.name to {' or '.join(known)}" if known else f"{key}.kind: {otherwise}"
        raise UnavailableError(f"The project ships no weights {file}: set {remedy}")
    return file


def check_sha256(shown: str, found: str, given: str | None, key: str) -> None:
    """Check the SHA-256 of a file against the profile.

    Args:
        shown: Name of the file, for the message.
        found: Its SHA-256 in lower case.
        given: The expected SHA-256; None accepts any.
        key: The setting of the expected SHA-256, for the message.

    Raises:
        UnavailableError: They differ.
    """
    if given is not None and found != given.lower():
        raise UnavailableError(
            f"{shown} has the SHA-256 {found}, not {given.lower()}: correct {key} in the profile if"
            " this file is meant"
        )
