"""Models of the Hugging Face Hub by id or in a local folder."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from deepart_assets.errors import UnavailableError
from deepart_assets.storage.lake import sha256_of_file

WEIGHTS = ("*.safetensors",)


def model_folder(model: str, setting: str, fetch: Callable[[], str]) -> Path:
    """Return the local folder of a model: `model` itself if it is a folder, else the download.

    Args:
        model: The id on the Hub, "owner/name", or a path.
        setting: Name of the setting, for messages.
        fetch: Downloads the model, or finds it in the cache, and returns its folder.

    Raises:
        UnavailableError: The model is not available; the message has the remedy.
    """
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        return Path(fetch())
    except GatedRepoError as error:
        raise UnavailableError(
            f"the model {model} is gated: accept its licence on its page and log in with"
            " `hf auth login`, or choose another model"
        ) from error
    except RepositoryNotFoundError as error:
        raise UnavailableError(
            f"there is no model {model} (or it is private): correct {setting}"
        ) from error
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"the model {model} cannot be fetched ({type(error).__name__}): check the network,"
            f" or set {setting} to a local folder that contains it"
        ) from error


def download_model(model: str, revision: str | None, patterns: Sequence[str], setting: str) -> Path:
    """Return the local folder of a model with the files that match `patterns`, as `model_folder`.

    Args:
        model: The id on the Hub, "owner/name", or a path.
        revision: A commit, tag or branch on the Hub; None: the default branch.
        patterns: Of the files to download.
        setting: Name of the setting, for messages.

    Raises:
        UnavailableError: The model is not available; the message has the remedy.
    """

    def fetch() -> str:
        from huggingface_hub import snapshot_download

        return snapshot_download(model, revision=revision, allow_patterns=list(patterns))

    return model_folder(model, setting, fetch)


def hash_of_model(folder: Path, patterns: Sequence[str] = WEIGHTS) -> str:
    """Return the SHA-256 over names and contents of the matching files, in sorted order."""
    total = hashlib.sha256()
    for file in sorted({file for pattern in patterns for file in folder.rglob(pattern)}):
        total.update(f"{file.relative_to(folder)} {_content_hash(file)}\n".encode())
    return total.hexdigest()


def _content_hash(file: Path) -> str:
    # The cache names large files by their SHA-256.
    name = file.resolve().name
    if len(name) == 64 and set(name) <= set("0123456789abcdef"):
        return name
    return sha256_of_file(file)
