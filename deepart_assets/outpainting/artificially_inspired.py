"""Artificially Inspired: a CoModGAN that paints the whole picture, then refines it by tiles.

After the winner of NTIRE 2022 inpainting, track 1 (Das and Hira; affromero/NTIRE22_Inpainting).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compute.devices import best_device
from deepart_assets.compute.memory import predict_in_halves
from deepart_assets.compute.precision import dtype_for
from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.outpainting.base import Descriptor, Request
from deepart_assets.outpainting.comodgan.refinement import grid, refined, without_halo, without_rims
from deepart_assets.outpainting.comodgan.tiling import Tile, waves
from deepart_assets.outpainting.reduced import fit, reduce
from deepart_assets.outpainting.tone import follow_tone
from deepart_assets.settings.outpainting import ArtificiallyInspired
from deepart_assets.settings.weights import BundledWeights
from deepart_assets.storage import sha256_of_file

if TYPE_CHECKING:
    import torch

    from deepart_assets.outpainting.comodgan.generator import Generator


Enlarger = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Enlarges RGB uint8, H×W×3, by any factor."""

Paint = Callable[[NDArray[np.uint8], NDArray[np.bool_], int], NDArray[np.uint8]]
"""Paints the unknown pixels of a picture, given which are known and the seed."""


class ArtificiallyInspiredOutpainter:
    """A CoModGAN that sees the whole subject at its own size, and adds detail tile by tile.

    One latent is drawn for the whole painting. The noise of a tile depends only on the seed and its
    position, so that a result depends only on its arguments.

    Args:
        settings: Which weights, and how they are used.
        file: Returns the generator's file; called at the first use.
        enlarger: Enlarges what is painted at a smaller scale; required by `enlarge: network`.
    """

    def __init__(
        self,
        settings: ArtificiallyInspired,
        file: Callable[[], Path],
        enlarger: Enlarger | None = None,
    ) -> None:
        if settings.enlarge == "network" and enlarger is None:
            raise UnavailableError(
                "There is no network to enlarge with: give one, or set the outpainter's enlarge to"
                " bicubic"
            )
        self._enlarger = enlarger if settings.enlarge == "network" else None
        self._settings = settings
        self._find = file
        self._batch = settings.batch
        """Tiles per batch; reduced when memory runs out."""

    @property
    def descriptor(self) -> Descriptor:
        """Describe the outpainter."""
        weights = self._settings.weights
        own = f" ({weights.name})" if isinstance(weights, BundledWeights) else ""
        return Descriptor(
            f"Artificially Inspired{own}",
            learned=True,
            uses_prompt=False,
            reads_ground=self._settings.tone > 0,
        )

    def weights_hash(self) -> str:
        """Return the SHA-256 of the converted weights; fetches them if needed.

        Raises:
            UnavailableError: They are unavailable, or not a CoModGAN's; the message has the remedy.
        """
        return sha256_of_file(self._file)

    def __call__(self, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Fill the unknown pixels, one picture at a time; known pixels are unchanged.

        A picture smaller than the network's input is centred in it, with unknown pixels around;
        nothing is stretched.

        Raises:
            UnavailableError: As for `weights_hash`.
            PaintingError: The network returned values that are not finite.
        """
        return [self._fill(each) for each in requests]

    def _fill(self, request: Request) -> NDArray[np.uint8]:
        picture, known = request.picture, request.known
        paint = self._refine if self._settings.tiles == "refined" else self._paint_outwards
        small, small_known = reduce(picture, known, self._settings.scale)
        painted = self._padded(paint, small, small_known, request.seed)
        ground = None if request.ground is None else request.ground.mean
        painted = follow_tone(painted, small, small_known, self._settings.tone, ground)
        if self._enlarger is not None:  # only where the scale is below 1
            painted = self._enlarger(painted)
        return np.where(known[..., None], picture, fit(painted, *known.shape))

    def _padded(
        self, paint: Paint, picture: NDArray[np.uint8], known: NDArray[np.bool_], seed: int
    ) -> NDArray[np.uint8]:
        """Paint a picture in the middle of one that is at least as large as the network's."""
        side = self._network.spec.resolution
        height, width = known.shape
        lacking = (max(0, side - height), max(0, side - width))
        top, left = lacking[0] // 2, lacking[1] // 2
        rows, columns = (top, lacking[0] - top), (left, lacking[1] - left)
        canvas = np.pad(picture, (rows, columns, (0, 0)))
        painted = paint(canvas, np.pad(known, (rows, columns)), seed)
        return painted[top : top + height, left : left + width]

    # --- the whole, refined ----------------------------------------------------------------------

    def _refine(
        self, picture: NDArray[np.uint8], known: NDArray[np.bool_], seed: int
    ) -> NDArray[np.uint8]:
        """Paint a picture at the network's size, and add the detail of tiles if it is larger.

        From one size to the next is at most an octave, so that each adds what the last is too small
        for.
        """
        import cv2

        side = self._network.spec.resolution
        height, width = known.shape
        w = self._latent(seed)
        if height == width == side:
            [painted] = without_rims(self._painted(picture, known, w, seed, [Tile(0, 0, side)]))
            return without_halo(painted, known)
        small, small_known = reduce(picture, known, max(0.5, side / max(height, width)), 1)
        whole = self._padded(self._refine, small, small_known, seed).astype(np.float32)
        coarse = cv2.resize(whole, (width, height), interpolation=cv2.INTER_CUBIC)
        tiles = grid(known, side)
        # All known: a tile that saw the subject alone would invent a landscape of its own.
        shown = np.where(known[..., None], picture, np.clip(np.round(coarse), 0, 255))
        paint = partial(self._painted, shown.astype(np.uint8), np.ones_like(known), w, seed)
        painted = predict_in_halves(paint, tiles, self._batch, self._halved)
        return refined(coarse, known, tiles, list(without_rims(painted)))

    # --- the published inference -----------------------------------------------------------------

    def _paint_outwards(
        self, picture: NDArray[np.uint8], known: NDArray[np.bool_], seed: int
    ) -> NDArray[np.uint8]:
        """Paint tiles from the subject outwards; each sees what earlier ones painted."""
        canvas, done, w = picture.copy(), known.copy(), self._latent(seed)
        for group in waves(done, self._network.spec.resolution):
            painted = predict_in_halves(
                partial(self._painted, canvas, done, w, seed), group, self._batch, self._halved
            )
            for tile, colours in zip(group, painted, strict=True):
                hole = ~done[tile.window]
                canvas[tile.window][hole] = colours[hole]
            for tile in group:
                done[tile.window] = True
        return canvas

    # --- the network -----------------------------------------------------------------------------

    def _painted(
        self,
        canvas: NDArray[np.uint8],
        done: NDArray[np.bool_],
        w: torch.Tensor,
        seed: int,
        tiles: Sequence[Tile],
    ) -> NDArray[np.uint8]:
        """Return the network's output for some tiles: uint8, N×R×R×3."""
        import torch

        from deepart_assets.outpainting.comodgan.generator import draw_noise

        network, device = self._network, w.device
        pictures = np.stack([canvas[tile.window] for tile in tiles])
        masks = np.stack([done[tile.window] for tile in tiles])
        colours = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        inside = torch.from_numpy(masks)[:, None].float()
        drawn = [
            draw_noise(network.spec, 1, _generator(seed, tile.row, tile.column)) for tile in tiles
        ]
        noise = [torch.cat(level).to(device) for level in zip(*drawn, strict=True)]
        given = (colours.to(device), inside.to(device), w.expand(len(tiles), -1), noise)
        dtype = dtype_for(self._settings.precision, device.type)
        with torch.inference_mode():
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                painted = network(*given)
            if dtype != torch.float32 and not bool(torch.isfinite(painted).all()):
                painted = network(*given)  # overflow in float16: use float32
            painted = painted.cpu()
        if not bool(torch.isfinite(painted).all()):
            raise PaintingError(
                "the CoModGAN gave values that are not finite: its weights are broken; fetch or"
                " train them again"
            )
        levels = ((painted + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        return np.asarray(levels.permute(0, 2, 3, 1).numpy())

    def _halved(self, size: int) -> None:
        self._batch = size

    def _latent(self, seed: int) -> torch.Tensor:
        """Return the w of a whole painting, 1×latent, on the network's device."""
        import torch

        network = self._network
        # Always on the CPU: a GPU's generator gives other numbers on another GPU.
        z = torch.randn(1, network.spec.latent, generator=_generator(seed))
        if self._settings.dropout:
            torch.manual_seed(seed)
        with torch.inference_mode():
            device = network.mapping.w_avg.device
            return network.mapping(z.to(device), self._settings.truncation)

    # --- weights ---------------------------------------------------------------------------------

    @cached_property
    def _file(self) -> Path:
        return self._find()

    @cached_property
    def _network(self) -> Generator:
        from deepart_assets.outpainting.comodgan.weights import build_generator, read_weights

        weights = read_weights(self._file)
        return build_generator(weights, always_dropout=self._settings.dropout).to(best_device())


def _generator(*seeds: int) -> torch.Generator:
    """Return a CPU generator seeded with all the numbers."""
    import torch

    state = np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0]
    return torch.Generator("cpu").manual_seed(int(state >> np.uint64(1)))
