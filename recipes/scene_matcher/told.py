"""Trains the probe that tells whether a subject is outdoors, by it and by its old ground's tone.

    python -m recipes.scene_matcher.told scene_matcher.safetensors FOLDER/PICTURE...

The first is the file of the other probes, to which it is added. Of the pictures, named by folder
and file as in `recipes/subject_segmenter/masks.csv`, those count whose mask is there and whose
setting is in `settings.csv`. --test leaves a fifth of them out, five times.
"""

import argparse
import csv
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import decode_rgb, resize, working_size
from deepart_assets.outpainting.ground_tone import SIDE, ground_tone
from deepart_assets.outpainting.scene_completion.subject import Subject
from recipes.scene_matcher.outdoors import LABELS, OUTDOORS, logistic
from recipes.subject_segmenter.labels import named
from recipes.subject_segmenter.outlines import MASKS, Outlined, read_outlined

PROBE = "outdoors_told"
STRENGTH = 0.15
"""Of the squared weights against the mean loss of an example."""
FOLDS = 5


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, measure if asked to, and add the probe to the file."""
    parser = argparse.ArgumentParser("python -m recipes.scene_matcher.told")
    parser.add_argument("probes", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--labels", type=Path, default=LABELS, metavar="FILE")
    parser.add_argument("--masks", type=Path, default=MASKS, metavar="FILE")
    parser.add_argument("--test", action="store_true", help="measure on held-out pictures")
    given = parser.parse_args(arguments)
    from safetensors.numpy import load_file, save_file

    with given.labels.open(encoding="utf8", newline="") as file:
        settings = {row["painting"]: row["setting"] for row in csv.DictReader(file)}
    masks = read_outlined(given.masks)
    seen: dict[str, NDArray[np.float32]] = {}
    for name, picture in sorted(named(given.pictures).items()):
        if (
            name in settings
            and name in masks
            and (vector := look(picture, masks[name])) is not None
        ):
            seen[name] = vector
    inputs = np.stack(list(seen.values()))
    wanted = np.array([settings[name] in OUTDOORS for name in seen])
    if given.test:
        print(f"area under the curve: {held_out(list(seen), inputs, wanted):.3f}")
    probe = logistic(inputs, wanted, STRENGTH).astype(np.float16)
    save_file(load_file(given.probes) | {PROBE: probe}, given.probes)


def look(picture: Path, outlined: Outlined) -> NDArray[np.float32] | None:
    """Return the vector of a subject with what is told of its old ground: 411.

    None where there is no subject, or nothing is told.
    """
    whole = decode_rgb(picture.read_bytes(), str(picture))
    size = working_size(whole.shape[0], whole.shape[1], SIDE)
    small, mask = resize(whole, *size), outlined.mask(*size)
    tone = ground_tone(small, mask)
    if tone is None:
        return None
    return np.concatenate([Subject.of(small, mask).vector, tone.features])


def held_out(names: Sequence[str], inputs: NDArray[np.float32], wanted: NDArray[np.bool_]) -> float:
    """Return the area under the curve, each fifth of the pictures told by the others."""
    folds = np.array([zlib.crc32(name.encode()) % FOLDS for name in names])
    scores = np.zeros(len(names))
    for fold in range(FOLDS):
        is_held = folds == fold
        probe = logistic(inputs[~is_held], wanted[~is_held], STRENGTH)
        scores[is_held] = inputs[is_held] @ probe[:-1] + probe[-1]
    higher = scores[wanted][:, None] - scores[~wanted][None]
    return float(((higher > 0) + 0.5 * (higher == 0)).mean())


if __name__ == "__main__":
    main()
