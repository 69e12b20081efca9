"""Shims that let basicsr and torchvision be imported with a current torch, and libraries be silent.

Call `prepare()` before the first import of torchvision, basicsr, diffusers or transformers.
"""

import contextlib
import importlib.util
import io
import sys
import threading
import types
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_STANDARD_OUTPUT = threading.RLock()


@contextlib.contextmanager
def without_output() -> Iterator[None]:
    """Drop what a library prints, in one thread at a time.

    `redirect_stdout` alone replaces a global: of two threads that overlap, the one that ends last
    would leave the other's buffer in place of the standard output for good.
    """
    with _STANDARD_OUTPUT, contextlib.redirect_stdout(io.StringIO()):
        yield


@cache
def prepare() -> None:
    """Apply both shims once per process.

    1. A CUDA build of torchvision cannot load its C++ extension with a CPU-only torch, and its
       import fails with "operator torchvision::nms does not exist". Empty schemas of the operators
       needed at import make transforms, models and utils work, without detection operators.
    2. basicsr imports `torchvision.transforms.functional_tensor`, which torchvision removed. A stub
       provides the one function it uses.
    """
    _declare_missing_operators()
    _provide_functional_tensor()


def _declare_missing_operators() -> None:
    import torch

    if _torchvision_extension_loads():
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in (
        "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    ):
        library.define(schema)
    # The registration ends with the object.
    globals()["_library"] = library


def _torchvision_extension_loads() -> bool:
    """Return whether torchvision's operators load, without importing it."""
    import torch

    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True
    extensions = list(Path(spec.origin).parent.glob("_C*.so"))
    if not extensions:
        return False
    try:
        torch.ops.load_library(str(extensions[0]))
    except OSError:
        return False
    return True


def _provide_functional_tensor() -> None:
    name = "torchvision.transforms.functional_tensor"
    if importlib.util.find_spec("torchvision") is None or name in sys.modules:
        return
    try:
        found = importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        found = False
    if found:
        return
    from torchvision.transforms.functional import rgb_to_grayscale

    module = types.ModuleType(name, "Stub of a module that torchvision removed.")
    module.rgb_to_grayscale = rgb_to_grayscale  # type: ignore[attr-defined]
    sys.modules[name] = module
