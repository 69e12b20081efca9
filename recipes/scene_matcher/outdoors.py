"""Trains the probes that tell what a painting is set in, by logistic regression.

    python -m recipes.scene_matcher.outdoors library.npz scene_matcher.safetensors
    python -m recipes.scene_matcher.outdoors library.npz scene_matcher.safetensors
        --only water_subject --without "Paul Cézanne" "Edgar Degas"

The first is the file of the asset `ground_library`, the second the file of the other probes, to
which these are added. `settings.csv` has what an eye saw behind the subject of each painting. The
second line learns from no painting by artists that results are judged by.
"""

import argparse
import csv
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepart_assets.names import name_key
from deepart_assets.outpainting.scene_completion.ground import Ground
from deepart_assets.outpainting.scene_completion.library import GroundLibrary

LABELS = Path(__file__).parent / "settings.csv"
OUTDOORS = {"land", "water", "sky", "town"}
PROBES = {
    "outdoors_subject": ("subject", OUTDOORS, 0.2),
    "outdoors_ground": ("ground", OUTDOORS, 0.05),
    "water_ground": ("ground", {"water"}, 0.05),
    "water_subject": ("subject", {"water"}, 0.05),
}
"""Of each probe: the vector that it reads, the settings for which it stands, and the strength of
the squared weights against the mean loss of an example."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and add the probes to the file."""
    parser = argparse.ArgumentParser("python -m recipes.scene_matcher.outdoors")
    parser.add_argument("library", type=Path)
    parser.add_argument("probes", type=Path)
    parser.add_argument("--labels", type=Path, default=LABELS, metavar="FILE")
    parser.add_argument("--only", nargs="+", choices=PROBES, default=list(PROBES))
    parser.add_argument("--without", nargs="+", default=[], metavar="ARTIST")
    given = parser.parse_args(arguments)
    from safetensors.numpy import load_file, save_file

    library = GroundLibrary.from_bytes(given.library.read_bytes(), _no_picture, given.library.name)
    with given.labels.open(encoding="utf8", newline="") as file:
        settings = {row["painting"]: row["setting"] for row in csv.DictReader(file)}
    left_out = {name_key(artist) for artist in given.without}
    grounds = [each for each in library.grounds if name_key(each.artist) not in left_out]
    probes = train(grounds, settings, given.only)
    found = {name: each.astype(np.float16) for name, each in probes.items()}
    save_file(load_file(given.probes) | found, given.probes)


def train(
    grounds: Sequence[Ground], settings: Mapping[str, str], names: Collection[str] = PROBES.keys()
) -> dict[str, NDArray[np.float32]]:
    """Return some of the `PROBES` by name: float32, 385, the constant last.

    Args:
        grounds: Of the paintings.
        settings: Of some of them, by id.
        names: The probes wanted.
    """
    known = [each for each in grounds if each.id in settings]
    found = {}
    for name in names:
        vector, wanted, strength = PROBES[name]
        examples = [each for each in known if vector == "ground" or each.has_subject]
        inputs = np.stack([np.asarray(getattr(each, vector), np.float32) for each in examples])
        stands = np.array([settings[each.id] in wanted for each in examples])
        found[name] = logistic(inputs, stands, strength)
    return found


def logistic(
    inputs: NDArray[np.float32], wanted: NDArray[np.bool_], strength: float
) -> NDArray[np.float32]:
    """Return a probe on n×k inputs by logistic regression: float32, k + 1, the constant last."""
    from scipy.optimize import minimize

    mean, deviation = inputs.mean(0), inputs.std(0) + 1e-6
    standard = np.hstack([(inputs - mean) / deviation, np.ones((len(inputs), 1))])
    signs = np.where(wanted, 1.0, -1.0)

    def loss(probe: NDArray) -> tuple[float, NDArray]:
        margins = signs * (standard @ probe)
        pull = -signs / (1 + np.exp(margins)) / len(signs)
        weights = np.append(probe[:-1], 0)
        value = np.logaddexp(0, -margins).mean() + strength / 2 * (weights**2).sum()
        return float(value), standard.T @ pull + strength * weights

    found = minimize(loss, np.zeros(standard.shape[1]), jac=True, method="L-BFGS-B").x
    slopes = found[:-1] / deviation
    return np.append(slopes, found[-1] - mean @ slopes).astype(np.float32)


def _no_picture(name: str, side: int) -> NDArray[np.uint8]:
    raise NotImplementedError


if __name__ == "__main__":
    main()
