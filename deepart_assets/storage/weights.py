"""Finds the weights that ship with the project, and verifies hashes from a profile."""

from pathlib import Path

from deepart_assets.errors import UnavailableError


def shipped_weights(folder: Path, name: str, key: str, otherwise: str) -> Path:
    """Return the file of weights of this name that comes with the project.

    Args:
        folder: Where the project keeps the family's, as <name>.safetensors.
        name: Which.
        key: The setting that says so, for a message.
        otherwise: Its other `kind` to take where the project ships none.

    Raises:
        UnavailableError: There is no such file; the message names those that there are.
    """
    file = folder / f"{name}.safetensors"
    if not file.is_file():
        known = sorted(each.stem for each in folder.glob("*.safetensors"))
        remedy = f"{key}.name to {' or '.join(known)}" if known else f"{key}.kind: {otherwise}"
        raise UnavailableError(f"The project ships no weights {file}: set {remedy}")
    return file


def check_sha256(shown: str, found: str, given: str | None, key: str) -> None:
    """Raise where a file has not the SHA-256 that the profile gives.

    Args:
        shown: The file or its address, for a message.
        found: Its SHA-256, lower case.
        given: The one in the profile, in either case; None: any will do.
        key: The setting that holds it, for the message.

    Raises:
        UnavailableError: They differ.
    """
    if given is not None and found != given.lower():
        raise UnavailableError(
            f"{shown} has the SHA-256 {found}, not {given.lower()}: correct {key} in the profile if"
            " this file is meant"
        )
