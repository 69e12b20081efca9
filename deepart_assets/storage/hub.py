"""Models of the Hugging Face Hub by id or in a local folder."""

import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from deepart_assets.errors import UnavailableError
from deepart_assets.progress import gigabytes
from deepart_assets.settings.places import project_path
from deepart_assets.storage.downloads import DISK_RESERVE
from deepart_assets.storage.fetching import may_fetch, not_fetched, reported
from deepart_assets.storage.hashes import sha256_of_file

WEIGHTS = ("*.safetensors",)


def local_folder(model: str) -> Path | None:
    """Return the folder that a model's path names; None if there is none, as for an id.

    Args:
        model: The id on the Hub, "owner/name", or a path as `settings.places.project_path` takes.
    """
    folder = project_path(model)
    return folder if folder.is_dir() else None


def model_folder(model: str, setting: str, fetch: Callable[[], str]) -> Path:
    """Return the local folder of a model: `model` itself if it is a folder, else the download.

    Args:
        model: The id on the Hub, "owner/name", or a path.
        setting: Name of the setting, for messages.
        fetch: Downloads the model, or finds it in the cache, and returns its folder.

    Raises:
        UnavailableError: The model is not available; the message has the remedy.
    """
    if (folder := local_folder(model)) is not None:
        return folder
    try:
        return Path(fetch())
    except (OSError, ValueError) as error:
        if not may_fetch() and "/" in model and "://" not in model:
            raise not_fetched(f"the model {model}") from error
        raise UnavailableError(_refusal(error, model, setting)) from error


def _refusal(error: Exception, model: str, setting: str) -> str:
    """Say why the hub gave no model, in its own words where it has some, and what to do."""
    from huggingface_hub import constants, errors

    known = (errors.HfHubHTTPError, errors.HFValidationError)
    around = (error, error.__cause__, error.__context__)
    cause = next((each for each in around if isinstance(each, known)), error)
    if isinstance(cause, errors.HFValidationError):
        remedy = 'an id is "owner/name", without https://huggingface.co/'
        return f"{model} is not the id of a model on the hub: correct {setting} ({remedy})"
    said = (getattr(cause, "server_message", None) or "").strip()
    words = f' (the hub says "{" ".join(said.split())}")' if said else ""
    if isinstance(cause, errors.GatedRepoError):
        return _gated(model, said.lower(), words)
    status = getattr(getattr(cause, "response", None), "status_code", None)
    if isinstance(cause, errors.RepositoryNotFoundError) and not _REJECTED_TOKEN.search(said):
        return f"there is no model {model} (or it is private): correct {setting}{words}"
    if isinstance(cause, errors.RevisionNotFoundError):
        return (
            f"the model {model} cannot be fetched: it has no such revision{words}. Correct the"
            f" revision beside {setting}, or set {setting} to a local folder that contains it"
        )
    kind = status or type(cause).__name__
    place = f"or set {setting} to a local folder that contains it"
    remedy = _REMEDIES.get(status or 0, "check the network")
    if isinstance(error, errors.LocalEntryNotFoundError) and constants.HF_HUB_OFFLINE:
        remedy = "HF_HUB_OFFLINE is set and it is not in the cache: unset it"
    return f"the model {model} cannot be fetched ({kind}){words}: {remedy}, {place}"


def _gated(model: str, said: str, words: str) -> str:
    if "reject" in said:
        fault, remedy = "was rejected", "ask its owner, or choose another model"
    elif "await" in said or "pending" in said:
        fault, remedy = "awaits its owner's answer", "try later"
    else:
        return (
            f"the model {model} is gated: accept its licence on its page and log in with"
            f" `hf auth login`, or choose another model{words}"
        )
    return f"the request for the model {model} {fault}{words}: {remedy}"


_REJECTED_TOKEN = re.compile(r"invalid (?:credentials|user token|username)", re.IGNORECASE)

_REMEDIES = {
    401: "the token is not valid: log in again with `hf auth login`, or unset HF_TOKEN",
    403: "the token may not read it: give it that permission on huggingface.co/settings/tokens",
    429: "too many requests: wait some minutes, or log in with `hf auth login`",
    451: "it is not available for legal reasons: choose another model",
}


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

        if not (may_fetch() or _is_whole(model, revision)):
            raise FileNotFoundError(model)
        with _reported(model):
            return snapshot_download(
                model,
                revision=revision,
                allow_patterns=list(patterns),
                local_files_only=not may_fetch(),
            )

    return model_folder(model, setting, fetch)


def download_file(model: str, file: str, revision: str | None, setting: str) -> Path:
    """Return one file of a model on the Hub, from the cache where it cannot be reached.

    Args:
        model: The id on the Hub, "owner/name", or a local folder.
        file: Its path in the model.
        revision: As in `download_model`.
        setting: Name of the setting of `model`, for messages.

    Raises:
        UnavailableError: The model or its file is not available; the message has the remedy.
    """
    missing = f"the model {model} has no file {file}: correct the file beside {setting}"

    def fetch() -> str:
        from huggingface_hub import errors, hf_hub_download

        try:
            with _reported(model):
                found = hf_hub_download(
                    model, file, revision=revision, local_files_only=not may_fetch()
                )
            return str(Path(found).parent)
        except errors.LocalEntryNotFoundError:  # offline, and not an answer of the hub
            raise
        except errors.EntryNotFoundError as error:
            raise UnavailableError(missing) from error

    folder = model_folder(model, setting, fetch)
    found = folder / (Path(file).name if local_folder(model) is None else file)
    if not found.is_file():
        raise UnavailableError(missing)
    return found


def _is_whole(model: str, revision: str | None) -> bool:
    """Return whether huggingface_hub can tell if a model's cached folder has all its files."""
    from huggingface_hub import constants, errors, get_cached_repo_tree

    try:
        get_cached_repo_tree(model, revision=revision, cache_dir=constants.HF_HUB_CACHE)
    except errors.CachedRepoTreeNotFoundError:
        return False
    return True


def _reported(model: str) -> AbstractContextManager[None]:
    """Report how far a model's download is."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    if not may_fetch():
        return nullcontext()
    folder = repo_folder_name(repo_id=model, repo_type="model")
    return reported(model, Path(constants.HF_HUB_CACHE) / folder)


def check_disk(model: str, revision: str | None, patterns: Sequence[str]) -> None:
    """Refuse a download that the disk of the hub's cache cannot hold; what is there counts.

    A hub that cannot be asked is for the download to explain.

    Args:
        model: The id on the Hub, "owner/name".
        revision: A commit, tag or branch on the Hub; None: the default branch.
        patterns: Of the files to download.

    Raises:
        UnavailableError: There is too little space.
    """
    from huggingface_hub import constants, snapshot_download

    if not may_fetch():
        return
    try:
        listed = snapshot_download(
            model, revision=revision, allow_patterns=list(patterns), dry_run=True
        )
    except (OSError, ValueError):
        return
    needed = sum(each.file_size or 0 for each in listed if each.will_download)
    cache = Path(constants.HF_HUB_CACHE)
    there = next(each for each in (cache, *cache.parents) if each.is_dir())
    free = shutil.disk_usage(there).free
    if needed and needed + DISK_RESERVE > free:
        raise UnavailableError(
            f"the model {model} needs {gigabytes(needed + DISK_RESERVE)} GB of disk and {cache} has"
            f" {gigabytes(free)} GB left: make room, or move the cache with HF_HOME"
        )


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
