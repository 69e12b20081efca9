"""Network interpolation: between a faithful and a perceptual network."""

from __future__ import annotations

from deepart_assets.errors import UnavailableError
from deepart_assets.super_resolution.weights.files import provenance_of, read_state, to_bytes
from deepart_assets.super_resolution.weights.namings import spec_of


def interpolate(
    psnr: bytes, gan: bytes, alpha: float, names: tuple[str, str] = ("the base", "the GAN")
) -> bytes:
    """Return (1 - α)·θ_PSNR + α·θ_GAN for each weight θ (ESRGAN, Wang et al. 2018, section 3.4).

    It only makes sense where the second network was trained from the first.

    Args:
        psnr: A file of weights of the pixel stage, in any naming.
        gan: One of the adversarial stage, of the same size.
        alpha: Strength in [0, 1]; 0 gives the first network exactly, 1 the second.
        names: Of the two files, for messages.

    Returns:
        A safetensors file (float32) with the provenance of both.

    Raises:
        UnavailableError: One file is not an RRDBNet ×4, or their sizes differ.
    """
    first, second = read_state(psnr, names[0]), read_state(gan, names[1])
    sizes = spec_of(first), spec_of(second)
    if sizes[0] != sizes[1]:
        raise UnavailableError(
            f"{names[0]} ({sizes[0]}) and {names[1]} ({sizes[1]}) cannot be interpolated: give two"
            " networks of one size, the second trained from the first"
        )
    mixed = {key: (1 - alpha) * first[key] + alpha * second[key] for key in first}
    provenance = {
        "stage": "interpolation",
        "alpha": str(alpha),
        **{f"psnr_{key}": value for key, value in provenance_of(psnr).items()},
        **{f"gan_{key}": value for key, value in provenance_of(gan).items()},
    }
    return to_bytes(mixed, provenance)
