"""The settings of the evaluation of ×4 networks."""

from typing import Annotated, Literal

from pydantic import Field

from deepart_assets.settings.section import Name, NonEmpty, Section, other_than
from deepart_assets.settings.weights import PublishedWeights

Strength = Annotated[float, Field(gt=0, lt=1)]

LpipsNetwork = Literal["squeeze", "alex"]

PeerName = Annotated[Name, other_than("bicubic", "psnr_weights", "art_esrgan")]
Peer = Annotated[PublishedWeights, Field(discriminator="kind")]


class Lpips(Section):
    """LPIPS (Zhang et al. 2018), which needs `deepart_assets[lpips]` and the weights of a backbone.

    Nothing is downloaded: without both LPIPS is not measured, and the record says why.
    """

    network: LpipsNetwork = Field(
        "squeeze",
        description="Backbone: torchvision's SqueezeNet 1.1, as in the original notebook, or"
        " AlexNet, as in most papers. Their figures are not comparable.",
    )
    path: NonEmpty | None = Field(
        None,
        description="File of torchvision's ImageNet weights, relative to the project. None: torch's"
        " hub cache, under torchvision's name.",
    )
    sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-fA-F]{64}$",
        description="SHA-256 of that file. None: it must begin with the digits in torchvision's"
        " file name.",
    )


class Evaluation(Section):
    """The measurements of `art_esrgan_evaluation` on the test split."""

    crop: int | None = Field(
        None,
        ge=200,
        multiple_of=4,
        description="Side in HR pixels of the centre to measure; None: the whole painting."
        " Time grows with the area and with the number of rows.",
    )
    interpolations: tuple[Strength, ...] = Field(
        (0.2, 0.4, 0.6, 0.8),
        description="Interpolation strengths between the base (0) and Art ESRGAN (1), a row each.",
    )
    peers: dict[PeerName, Peer] = Field(
        {},
        description="Published ×4 networks of any architecture that spandrel knows, to compare"
        " with: a row each, computed in fp32. What is unavailable is left out; the record says it.",
    )
    lpips: Lpips = Lpips()
    shown: int = Field(4, ge=1, description="Paintings in the picture of details, a row each.")
    detail: int = Field(256, ge=32, multiple_of=4, description="Side of a detail in HR pixels.")
    colour_shift: float = Field(
        1.5,
        gt=0,
        description="Largest acceptable mean colour difference to the low resolution, ΔE*ab (CIE"
        " 1976) of areas of 32 HR pixels; 2.3 is just noticeable. Bicubic and the"
        " bundled base have at most 0.11 on 38 paintings, RealSR DF2K at most 1.4 on 20,"
        " Real-ESRGAN x4plus, which does shift colours, 0.6 to 3.7. Two grey levels more on"
        " all channels are 0.8, three on green alone 2.",
    )
    checkerboard: float = Field(
        0.5,
        gt=0,
        description="Largest acceptable pattern of the ×4 grid beyond the original's, grey levels"
        " (root mean square). On 38 paintings bicubic, the bundled base and all but"
        " one original have at most 0.06. A pattern of one level is detected on a smooth result,"
        " of two on lively brushwork.",
    )
