"""What a curator decides about results: accepted, rejected, or others asked for."""

from deepart_assets import asset_names
from deepart_assets.curation import (
    CuratorChoice,
    CuratorRequest,
    choice_path,
    read_decision,
    read_request,
    request_path,
)
from deepart_assets.desk.desk import Desk, UnknownError
from deepart_assets.desk.masks import ConflictError, check_version
from deepart_assets.errors import PaintingError


def save_choice(desk: Desk, key: str, data: bytes, expected: str) -> None:
    """Save which result of a painting is the one to publish, if any.

    Args:
        desk: The desk.
        key: The painting's id.
        data: A `CuratorChoice` as JSON.
        expected: The version of the file that this one replaces.

    Raises:
        PaintingError: It is no choice.
        ConflictError: The choice, or the accepted result, is another one by now.
    """
    page = desk.painting(key)
    path = choice_path(key)
    choice = read_decision(CuratorChoice, data, "the choice")
    if choice.decision == "accepted":
        record = page.records.get(asset_names.upscaled(choice.outpainter))
        if record is None or record.status != "done":
            raise PaintingError(
                f"{choice.outpainter!r} has no enlarged result of {key}: accept another, or wait"
            )
        if record.files[0].version != choice.sha256:
            raise ConflictError(
                "this result has been made again since you opened it: look at the new one, and"
                " accept that"
            )
    with desk.lake.lock(path):
        check_version(desk, path, expected)
        desk.lake.write_json(path, choice.model_dump())


def save_request(desk: Desk, key: str, outpainter: str, data: bytes | None, expected: str) -> None:
    """Save what is asked of an outpainter about a painting, or withdraw it.

    Args:
        desk: The desk.
        key: The painting's id.
        outpainter: Its name in the profile.
        data: A `CuratorRequest` as JSON; None to withdraw it.
        expected: The version of the file that this one replaces.

    Raises:
        UnknownError: The outpainter takes no requests.
        PaintingError: It is no request, or asks for what the outpainter does not take, or for a
            ground that is not in the library.
        ConflictError: It is another one by now.
    """
    path = request_path(outpainter, desk.listed(key).id)
    if outpainter not in desk.requestable:
        raise UnknownError(f"{outpainter!r} takes no requests")
    kind = desk.settings.outpainters[outpainter].kind
    request = None if data is None else read_request(data, "the request", kind)
    if request is not None and request.ground and not desk.has_ground(request.ground):
        raise PaintingError(
            f"there is no ground {request.ground!r} in the library: name a painting that lends its"
            " ground"
        )
    with desk.lake.lock(path):
        check_version(desk, path, expected)
        if request is None or request == CuratorRequest():
            desk.lake.remove(path)
        else:
            desk.lake.write_json(path, request.model_dump(mode="json", exclude_defaults=True))
