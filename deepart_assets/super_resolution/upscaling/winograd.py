"""The dense blocks of an RRDBNet by Winograd's minimal filtering, for wide networks on a CPU.

Belongs here: F(6×6, 3×3) of Lavin & Gray 2016 ("Fast Algorithms for Convolutional Neural
Networks", arXiv 1509.09308, section 4.1) for a chain of 3×3 convolutions with zero padding. Does
not belong here: the enlarging end of the network (`fast_network`), tiles (`upscaler`).

A direct 3×3 convolution multiplies 9 times for each pixel and pair of channels, this one 64/36
times. What it adds are transforms for each channel, and a dense block has few channels (192) for
many pairs (26,624): each feature is transformed once and read by up to five convolutions, which
also need no concatenation.

Where things are. A plane is cut into tiles of 6×6 pixels and kept as 6×6×C×T: pixel (i, j) of
every tile of every channel side by side. T runs over the tiles row by row, with one tile more in
each row and one row more, which stay zero: the tile before the first of a row is the zero one at
the end of the row before, so that all neighbours are a shift of the same memory, and the padding
of the convolutions is there already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

TILE = 6
"""Pixels of a tile's side."""

PATCH = TILE + 2
"""Side of a tile with the border that a 3×3 kernel sees."""

INPUT = (
    (1, 0, -21 / 4, 0, 21 / 4, 0, -1, 0),
    (0, 1, 1, -17 / 4, -17 / 4, 1, 1, 0),
    (0, -1, 1, 17 / 4, -17 / 4, -1, 1, 0),
    (0, 1 / 2, 1 / 4, -5 / 2, -5 / 4, 2, 1, 0),
    (0, -1 / 2, 1 / 4, 5 / 2, -5 / 4, -2, 1, 0),
    (0, 2, 4, -5 / 2, -5, 1 / 2, 1, 0),
    (0, -2, 4, 5 / 2, -5, -1 / 2, 1, 0),
    (0, -1, 0, 21 / 4, 0, -21 / 4, 0, 1),
)
"""Bᵀ for the points 0, ±1, ±2, ±1/2 and infinity; exact in float32."""

KERNEL = (
    (1, 0, 0),
    (-2 / 9, -2 / 9, -2 / 9),
    (-2 / 9, 2 / 9, -2 / 9),
    (1 / 90, 1 / 45, 2 / 45),
    (1 / 90, -1 / 45, 2 / 45),
    (32 / 45, 16 / 45, 8 / 45),
    (32 / 45, -16 / 45, 8 / 45),
    (0, 0, 1),
)
"""G."""

OUTPUT = (
    (1, 1, 1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 1 / 2, -1 / 2, 0),
    (0, 1, 1, 4, 4, 1 / 4, 1 / 4, 0),
    (0, 1, -1, 8, -8, 1 / 8, -1 / 8, 0),
    (0, 1, 1, 16, 16, 1 / 16, 1 / 16, 0),
    (0, 1, -1, 32, -32, 1 / 32, -1 / 32, 1),
)
"""Aᵀ."""

BIAS_AT = PATCH + 1
"""Of the 64 products the one at the points (1, 1): Aᵀ has ones there, so that a constant added to
it is added to every pixel."""

ALIGNED = 16
"""Tiles are a multiple of this many: rows of matrices begin at cache lines."""

SLOPE = 0.2
"""Of the LeakyReLU."""


class WinogradTrunk:
    """`x + conv_body(body(x))` of one of basicsr's RRDBNets, on the CPU, in float32."""

    def __init__(self, net: nn.Module) -> None:
        """Transform the kernels, in double precision; `net` itself is not kept."""
        import torch

        self._input = torch.tensor(INPUT, dtype=torch.float32)
        self._output = torch.tensor(OUTPUT, dtype=torch.float32)
        parts: Any = net
        self._growth = int(parts.body[0].rdb1.conv1.out_channels)
        # The residual scaling (0.2) goes into the kernels that it follows.
        self._dense = [
            [
                *(_transformed(getattr(dense, f"conv{number}")) for number in range(1, 5)),
                _transformed(dense.conv5, 0.2),
            ]
            for block in parts.body
            for dense in (block.rdb1, block.rdb2, block.rdb3)
        ]
        self._last = _transformed(parts.conv_body)

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """Apply the trunk to float32 1×C×h×w, of any size; returns the same shape."""
        import torch
        from torch.nn.functional import leaky_relu_

        _, wide, height, width = features.shape
        grow = self._growth
        stream, growth = _Plane(wide, height, width), _Plane(grow, height, width)
        seen = torch.empty(PATCH * PATCH, wide + 4 * grow, stream.tiles)
        stream.write(features[0])
        first = stream.pixels.clone()
        for number, (*convs, last) in enumerate(self._dense):
            if number % 3 == 0:
                block_input = stream.pixels.clone()
            stream.transform(self._input, seen[:, :wide])
            known = wide
            for conv in convs:
                growth.convolve(conv, seen[:, :known], self._output)
                leaky_relu_(growth.pixels, SLOPE)
                growth.clear()
                growth.transform(self._input, seen[:, known : known + grow])
                known += grow
            stream.convolve(last, seen, self._output, add=True)
            if number % 3 == 2:
                stream.pixels.mul_(0.2).add_(block_input)
            stream.clear()
        stream.transform(self._input, seen[:, :wide])
        stream.pixels.copy_(first)
        stream.convolve(self._last, seen[:, :wide], self._output, add=True)
        return stream.read()[None]


def _transformed(conv: Any, factor: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return kernels as PATCH²×out×in and the bias as out×1, both times `factor`."""
    import torch

    matrix = torch.tensor(KERNEL, dtype=torch.float64)
    weight = conv.weight.detach().cpu().double() * factor
    kernel = torch.einsum("ia,ocab,jb->ijoc", matrix, weight, matrix).flatten(0, 1)
    bias = conv.bias.detach().cpu().double()[:, None] * factor
    return kernel.float().contiguous(), bias.float()


class _Plane:
    """C channels of h×w pixels, laid out as the module's docstring says."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        import torch

        self.channels, self.height, self.width = channels, height, width
        self._rows, self._row = -(-height // TILE), -(-width // TILE) + 1
        self._used = (self._rows + 1) * self._row
        self.tiles = -(-self._used // ALIGNED) * ALIGNED
        self._span = channels * self.tiles
        # The first and last row of patches belong to the neighbours above and below.
        self._tall = torch.zeros(PATCH, TILE, self._span)
        self._whole = torch.zeros(PATCH, PATCH, self._span)
        self._products = torch.empty(PATCH * PATCH, channels, self.tiles)
        self._half = torch.empty(TILE, PATCH, self._span)
        self.pixels = self._tall[1:-1]
        """TILE×TILE×(C·T), memory of this plane: what is written here is the plane."""

    def transform(self, matrix: torch.Tensor, out: torch.Tensor) -> None:
        """Write Bᵀ·d·B of every tile with its border to `out`, PATCH²×C×T."""
        import torch

        tall, whole, row, span = self._tall, self._whole, self._row, self._span
        tall[0, :, row:] = tall[-2, :, :-row]
        tall[-1, :, :-row] = tall[1, :, row:]
        torch.mm(matrix, tall.view(PATCH, -1), out=whole.view(PATCH, -1)[:, span:-span])
        whole[:, 0, 1:] = whole[:, -2, :-1]
        whole[:, -1, :-1] = whole[:, 1, 1:]
        for number in range(PATCH):
            target = out[PATCH * number : PATCH * (number + 1)]
            torch.mm(matrix, whole[number], out=target.view(PATCH, span))

    def convolve(
        self,
        conv: tuple[torch.Tensor, torch.Tensor],
        seen: torch.Tensor,
        matrix: torch.Tensor,
        *,
        add: bool = False,
    ) -> None:
        """Set the pixels to a convolution of transformed planes, PATCH²×in×T, or add it."""
        import torch

        kernel, bias = conv
        torch.bmm(kernel, seen, out=self._products)
        self._products[BIAS_AT] += bias
        torch.mm(matrix, self._products.view(PATCH, -1), out=self._half.view(TILE, -1))
        for number in range(TILE):
            if add:
                self.pixels[number].addmm_(matrix, self._half[number])
            else:
                torch.mm(matrix, self._half[number], out=self.pixels[number])

    def clear(self) -> None:
        """Set everything outside of the picture to zero, as the padding of each layer is."""
        tiles = self.pixels.view(TILE, TILE, self.channels, self.tiles)
        tiles[..., self._rows * self._row :] = 0
        grid = tiles[..., : self._used].unflatten(3, (self._rows + 1, self._row))
        grid[..., -1] = 0
        if self.height % TILE:
            grid[self.height % TILE :, :, :, -2] = 0
        if self.width % TILE:
            grid[:, self.width % TILE :, :, :, -2] = 0

    def write(self, picture: torch.Tensor) -> None:
        """Take float32 C×h×w in."""
        from torch.nn.functional import pad

        rows, row = self._rows + 1, self._row
        padded = pad(picture, (0, TILE * row - self.width, 0, TILE * rows - self.height))
        tiles = padded.reshape(self.channels, rows, TILE, row, TILE).permute(2, 4, 0, 1, 3)
        self.pixels.zero_()
        self.pixels.view(TILE, TILE, self.channels, -1)[..., : self._used] = tiles.flatten(3)

    def read(self) -> torch.Tensor:
        """Give float32 C×h×w out."""
        rows, row = self._rows + 1, self._row
        tiles = self.pixels.view(TILE, TILE, self.channels, -1)[..., : self._used]
        picture = tiles.unflatten(3, (rows, row)).permute(2, 3, 0, 4, 1)
        return picture.reshape(self.channels, TILE * rows, TILE * row)[
            :, : self.height, : self.width
        ]
