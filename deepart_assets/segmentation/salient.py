"""The salient-object segmenter: BiRefNet, ISNet or U²-Net through rembg."""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compute.onnx_providers import CPU, CUDA, providers
from deepart_assets.errors import PaintingError, UnavailableError, first_line
from deepart_assets.imaging import resize
from deepart_assets.segmentation.base import Descriptor, Prediction, Segmenter, confidence_of
from deepart_assets.settings.places import project_path
from deepart_assets.settings.segmenters import Salient
from deepart_assets.storage import sha256_of_file
from deepart_assets.storage.fetching import may_fetch, not_fetched, reported

if TYPE_CHECKING:
    import onnxruntime
    from rembg.sessions.base import BaseSession

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Convention:
    """What goes into a model and what comes out, as in rembg's session of that name."""

    side: int
    """Pictures are stretched to this square."""
    mean: Colour
    deviation: Colour
    logits: bool
    """Whether a sigmoid is to be applied."""


_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BIREFNET = Convention(1024, *_IMAGENET, logits=True)
_ISNET = Convention(1024, (0.5, 0.5, 0.5), (1.0, 1.0, 1.0), logits=False)
_U2NET = Convention(320, *_IMAGENET, logits=False)

CONVENTIONS = {
    "birefnet-general": _BIREFNET,
    "birefnet-general-lite": _BIREFNET,
    "birefnet-portrait": _BIREFNET,
    "birefnet-dis": _BIREFNET,
    "birefnet-hrsod": _BIREFNET,
    "birefnet-massive": _BIREFNET,
    "isnet-general-use": _ISNET,
    "u2net": _U2NET,
    "u2netp": _U2NET,
    "silueta": _U2NET,
}
FOLDER, PROVIDER = "segmentation.segmenter.folder", "segmentation.segmenter.provider"


class SalientSegmenter(Segmenter):
    """Segments what a network for salient objects keeps, whatever its class."""

    def __init__(self, settings: Salient) -> None:
        self._settings = settings
        self._convention = CONVENTIONS[settings.model]

    @property
    def descriptor(self) -> Descriptor:
        """Describe the model."""
        return Descriptor(name=f"salient ({self._settings.model})")

    def weights_hash(self) -> str:
        """Return the SHA-256 of the model's file, fetching it if rembg has no copy.

        Raises:
            UnavailableError: rembg is missing, or the model is unavailable.
        """
        return sha256_of_file(self._file)

    def __call__(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        choices: Sequence[Mapping[str, Any]] | None = None,
    ) -> list[Prediction]:
        """Predict picture by picture, as the ONNX files have a batch size of one.

        Raises:
            UnavailableError: As for `weights_hash`, or the file is no such model, or there is no
                such provider.
            PaintingError: The model gave values that are no probabilities.
        """
        return [self._predict(picture) for picture in pictures]

    def _predict(self, picture: NDArray[np.uint8]) -> Prediction:
        levels = resize(self.probability(picture), *picture.shape[:2])
        mask = np.clip(levels, 0, 1, out=levels)  # enlarging overshoots
        return Prediction(mask, confidence_of(mask, mask >= 0.5))

    def probability(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the model's own map: float32 in [0, 1], of its input size, H×W×3 stretched to it.

        rembg would stretch the map's values to the whole of [0, 1], so that there is a subject on a
        blank canvas too; they are left as they are.
        """
        from PIL import Image

        session, convention = self._session, self._convention
        feed = session.normalize(
            Image.fromarray(picture),
            convention.mean,
            convention.deviation,
            (convention.side, convention.side),
        )
        levels = np.asarray(session.inner_session.run(None, feed)[0], dtype=np.float32)
        if levels.shape != (1, 1, convention.side, convention.side):
            raise UnavailableError(
                f"{self._file} gives {levels.shape} and not a map of"
                f" {convention.side}×{convention.side}: it is not {self._settings.model}."
                f" {self._remedy}"
            )
        if not np.isfinite(levels).all():
            raise PaintingError(
                f"{self._settings.model} gave values that are not finite: choose another"
                " segmentation.segmenter.model"
            )
        if convention.logits:
            levels = np.float32(0.5) * (1 + np.tanh(levels / 2))  # the sigmoid, without overflow
        return np.clip(levels[0, 0], 0, 1)

    @property
    def _remedy(self) -> str:
        if self._settings.folder is not None:
            return f"Put the right file in its place, or correct {FOLDER}"
        return "Delete it, and it is fetched again"

    @cached_property
    def _kind(self) -> "type[BaseSession]":
        """rembg's session of the model: its download, checksum and pre-processing."""
        for package in ("onnxruntime", "rembg"):  # without the former, the latter ends the process
            if importlib.util.find_spec(package) is None:
                raise UnavailableError(
                    f"the salient segmenter needs the package {package}: pip install"
                    " 'deepart_assets[salient]', or choose another segmentation.segmenter"
                )
        # On a machine's first import pymatting, which rembg needs for other things, compiles for a
        # minute; numba keeps what it compiled.
        from rembg.sessions import sessions

        return sessions[self._settings.model]

    @cached_property
    def _file(self) -> Path:
        model, folder, kind = self._settings.model, self._settings.folder, self._kind
        if folder is not None:
            # As a plain folder of files, or as rembg keeps them.
            root = project_path(folder)
            places = root, root / "models" / model
            found = [file for place in places if (file := place / f"{model}.onnx").is_file()]
            if not found:
                raise UnavailableError(f"there is no {root / model}.onnx: correct {FOLDER}")
            return found[0]
        there = kind.resolve_existing(f"{model}.onnx")
        if there is not None:
            return Path(there)
        if not may_fetch():
            raise not_fetched(f"the model {model}")
        try:
            with reported(model, Path(kind.model_dir())):
                return Path(kind.download_models())
        except (OSError, ValueError) as error:  # of requests; of pooch, for a wrong checksum
            raise UnavailableError(
                f"the model {model} cannot be fetched ({type(error).__name__}): check the network,"
                f" or set {FOLDER} to a folder that holds {model}.onnx"
            ) from error

    @cached_property
    def _session(self) -> "BaseSession":
        import onnxruntime

        file, kind = self._file, self._kind

        class Session(kind):  # type: ignore[misc, valid-type]
            """rembg's session with the file that was found, which its own would look for again."""

            @classmethod
            def download_models(cls, *args: Any, **kwargs: Any) -> str:
                return str(file)

        providers = self._providers(onnxruntime.get_available_providers())
        try:
            session = Session(
                self._settings.model, onnxruntime.SessionOptions(), providers=providers
            )
        except Exception as error:  # onnxruntime's errors have no base of their own
            raise UnavailableError(
                f"{file} cannot be read as an ONNX model ({first_line(error)}). {self._remedy}"
            ) from error
        self._check(session.inner_session, file)
        return session

    def _check(self, session: "onnxruntime.InferenceSession", file: Path) -> None:
        side, shape = self._convention.side, session.get_inputs()[0].shape
        pairs = zip(shape, (1, 3, side, side), strict=False)
        # A dimension that is left open is a name.
        if len(shape) != 4 or any(isinstance(a, int) and a != b for a, b in pairs):
            raise UnavailableError(
                f"{file} takes inputs of {shape} and not [1, 3, {side}, {side}]: it is not"
                f" {self._settings.model}. {self._remedy}"
            )
        if self._settings.provider == "cuda" and "CUDA" not in session.get_providers()[0]:
            raise UnavailableError(
                "onnxruntime cannot use the GPU: install the CUDA and cuDNN that it was built for,"
                f" or set {PROVIDER} to cpu"
            )

    def _providers(self, available: Sequence[str]) -> list[str]:
        wanted = self._settings.provider
        if wanted == "auto":
            return providers(available)
        if wanted == "cuda" and CUDA not in available:
            raise UnavailableError(
                "this onnxruntime has no CUDA provider: pip install onnxruntime-gpu in its place,"
                f" or set {PROVIDER} to cpu"
            )
        return [CUDA, CPU] if wanted == "cuda" else [CPU]
