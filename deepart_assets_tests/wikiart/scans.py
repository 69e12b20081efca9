"""Pictures with a known spectrum, and what becomes of scans: margins, enlargement, compression."""

import io

import numpy as np
from PIL import Image

KERNELS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def field(
    height: int, width: int, exponent: float = 2.0, end: float = 1.0, seed: int = 0
) -> np.ndarray:
    """A random picture whose power falls as 1/f^exponent along each line and ends at `end` of the
    Nyquist frequency: uint8, H×W×3, all channels alike."""
    random = np.random.default_rng(seed)
    down, across = np.fft.fftfreq(height)[:, None] * 2, np.fft.fftfreq(width)[None] * 2
    radius = np.hypot(down, across)
    radius[0, 0] = np.inf
    # A line of an isotropic field with 1/f^(p+1) has 1/f^p.
    spectrum = np.fft.fft2(random.normal(size=(height, width))) * radius ** (-(exponent + 1) / 2)
    spectrum *= (np.abs(down) <= end) & (np.abs(across) <= end)
    grey = np.fft.ifft2(spectrum).real
    grey = 128 + 42 * grey / grey.std()
    return np.repeat(np.clip(np.round(grey), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def jpeg(picture: np.ndarray, quality: int | None) -> np.ndarray:
    if quality is None:
        return picture
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def enlarged(picture: np.ndarray, factor: float, kernel: str) -> np.ndarray:
    """A picture reduced and enlarged again to its size, as an enlarged scan of that size."""
    height, width = picture.shape[:2]
    image = Image.fromarray(picture)
    small = image.resize((round(width / factor), round(height / factor)), Image.Resampling.LANCZOS)
    return np.asarray(small.resize((width, height), KERNELS[kernel]))


def framed(
    picture: np.ndarray,
    margins: tuple[int, int, int, int],
    colour: tuple[int, int, int],
    noise: float = 0,
) -> np.ndarray:
    """A picture within margins (left, top, right, bottom) of one colour with Gaussian noise."""
    left, top, right, bottom = margins
    height, width = picture.shape[:2]
    scan = np.ones((height + top + bottom, width + left + right, 3)) * colour
    scan += np.random.default_rng(1).normal(0, noise, scan.shape) if noise else 0
    scan[top : top + height, left : left + width] = picture
    return np.clip(np.round(scan), 0, 255).astype(np.uint8)
