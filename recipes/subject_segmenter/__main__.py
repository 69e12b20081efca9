"""Trains the bundled segmenter's network on masks of paintings that were accepted by eye.

    python -m recipes.subject_segmenter --teacher isnet.onnx --cache FOLDER
        --output first.safetensors -- PICTURE...
    python -m recipes.subject_segmenter --teacher isnet.onnx --cache FOLDER
        --start first.safetensors --steps 800 --output second.safetensors -- PICTURE...
    python -m recipes.subject_segmenter --teacher isnet.onnx --cache FOLDER --outlined --rounds 1
        --start second.safetensors --steps 240 --seeds 0 1 --output subject.safetensors
        -- PICTURE...

`labels.csv` says which pictures are learnt from (`labels`). The teacher labels the accepted ones;
other views and composites (`views`) inherit its masks. The second training goes on from the first
and learns from accepted masks of the first network as well. The third and the fourth give three
views of four to paintings with corrected masks (`outlines`), and each is the mean of two trainings,
one for each seed; the fourth goes on from the third, and ships. The cache folder keeps masks and
features, so that training begins at once the second time; the average of every fiftieth step is
written beside the output, for the validation split to choose from.
"""

import argparse
import zlib
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deepart_assets.imaging import resize
from deepart_assets.segmentation.subject_features import FROZEN, FeatureExtractor, grid_of
from recipes.subject_segmenter.labels import LABELS, Label, named, read_labels
from recipes.subject_segmenter.outlines import Outlined, read_outlined
from recipes.subject_segmenter.teacher import Teacher, label, own_label, read_picture
from recipes.subject_segmenter.training import mean_of, train
from recipes.subject_segmenter.views import (
    Labelled,
    composite,
    cut_out,
    framed,
    mirrored,
    varied,
)

if TYPE_CHECKING:
    from deepart_assets.segmentation.bundled import BundledSegmenter
    from deepart_assets.segmentation.subject_network import SubjectNetwork

OUTLINED_VARIED_ROUNDS, OUTLINED_ROUNDS = 1, 1
"""Variations, and composites, of each painting with a corrected mask."""
PATCHES = 441, 880
"""Fewest and most patches of a view: both looks of the segmenter are learnt."""
LARGEST_CUT_OUT = 0.75
"""A subject of a larger share of its painting is not put before other grounds."""
FRAMED = {"accepted": 0.2, "composite": 0.12, "empty": 0.3}
"""How many of the varied views get a frame or an oval's corners."""


def views(
    accepted: Mapping[str, Labelled],
    empty: Mapping[str, Labelled],
    rounds: int,
    varied_rounds: int,
) -> Iterator[tuple[str, Labelled]]:
    """Yield views of paintings with a name each, always the same ones for a painting.

    Args:
        accepted: The paintings, by name.
        empty: The grounds of composites.
        rounds: Composites of each subject.
        varied_rounds: Variations of each whole painting.
    """
    for name, painting in accepted.items():
        yield f"a0_{name}", painting
    cuts = {
        name: subject
        for name, painting in accepted.items()
        if painting.mask.mean() < LARGEST_CUT_OUT and (subject := cut_out(painting)) is not None
    }
    for number in range(varied_rounds):
        for name, painting in accepted.items():
            view = _varied(painting, FRAMED["accepted"], _random(name, 1, number))
            yield f"v{number}_{name}", view
    for number in range(rounds):
        for name, subject in cuts.items() if empty else ():
            random = _random(name, 2, number)
            others = random.choice(sorted(cuts), int(random.choice(3, p=(0.45, 0.35, 0.2))))
            view = composite(
                mirrored(subject) if random.random() < 0.5 else subject,
                [cuts[other] for other in others],
                empty[random.choice(sorted(empty))],
                random,
            )
            is_framed = random.random() < FRAMED["composite"]
            yield f"c{number}_{name}", framed(view, random) if is_framed else view


def empty_views(empty: Mapping[str, Labelled]) -> Iterator[tuple[str, Labelled]]:
    """Yield views without a subject as they are, and varied."""
    for name, painting in empty.items():
        yield f"n0_{name}", painting
        yield f"n1_{name}", _varied(painting, FRAMED["empty"], _random(name, 3, 0))


def _varied(painting: Labelled, share: float, random: np.random.Generator) -> Labelled:
    view = varied(painting, random)
    return framed(view, random) if random.random() < share else view


def _random(*parts: object) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(str(part).encode()) for part in parts])


class Learnt(NamedTuple):
    """The training split's paintings, by name."""

    accepted: dict[str, Labelled]
    outlined: dict[str, Labelled]
    """With corrected masks; nothing is subject in some."""
    empty: dict[str, Labelled]


def learnt_from(
    files: Mapping[str, Path],
    labels: Mapping[str, Label],
    masks: Mapping[str, Outlined],
    *,
    teacher: Teacher,
    first: "BundledSegmenter | None",
    cache: Path,
) -> Learnt:
    """Read the paintings of the training split and label them.

    Those labelled `own` are left out without `first`, those labelled `second` without `masks`.

    Args:
        files: The pictures, named as the tables name them.
        labels: What was decided of each.
        masks: Corrected masks, which go before what `labels` says.
        teacher: Labels the accepted ones.
        first: Labels those labelled `own` and `second`.
        cache: Keeps the teacher's masks.
    """
    learnt = Learnt({}, {}, {})
    wanted = {"accepted", "empty", *(["own"] if first else []), *(["second"] if masks else [])}
    for name, file in files.items():
        row, mask = labels.get(name), masks.get(name)
        if row is None or row.split != "train" or (row.label not in wanted and mask is None):
            continue
        picture = read_picture(file)
        size = picture.shape[:2]
        if mask:
            learnt.outlined[name] = Labelled(picture, mask.mask(*size).astype(np.float32))
        elif row.label == "accepted":
            learnt.accepted[name] = label(name, picture, teacher, cache)
        elif row.label in ("own", "second") and first:
            learnt.accepted[name] = own_label(picture, first)
        elif row.label == "empty":
            learnt.empty[name] = Labelled(picture, np.zeros(size, np.float32))
    return learnt


def examples(drawn: Iterator[tuple[str, Labelled]], cache: Path) -> list[Path]:
    """Write the features and masks of views into the cache folder; return the files."""
    extract = FeatureExtractor()
    files = []
    for name, view in drawn:
        file = cache / f"{name}.npz"
        files.append(file)
        if file.exists():
            continue
        random = _random(name, 4)
        aspect, patches = np.exp(random.uniform(-0.12, 0.12)), int(random.integers(*PATCHES))
        rows, columns = grid_of(view.mask.shape[0], view.mask.shape[1], patches)
        rows, columns = grid_of(round(100 * rows * aspect), 100 * columns, patches)
        seen = extract(view.picture, rows, columns)
        mask = resize(view.mask, 8 * rows, 8 * columns).astype(np.float16)
        np.savez(file, **seen._asdict(), mask=mask)
    return files


def main() -> None:
    """Label, look, train and write."""
    parser = argparse.ArgumentParser(
        prog="python -m recipes.subject_segmenter",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--labels", type=Path, default=LABELS)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument(
        "--start",
        type=Path,
        help="a network to go on from, whose masks the paintings labelled `own` get",
    )
    parser.add_argument(
        "--outlined", action="store_true", help="learn from the corrected masks of masks.csv, too"
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3, help="composites of each accepted subject")
    parser.add_argument("--steps", type=int, default=1100)
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0], help="a training each; their mean is written"
    )
    arguments = parser.parse_args()

    from safetensors.torch import save_file

    from deepart_assets.segmentation.bundled import BundledSegmenter
    from recipes.subject_segmenter.difference import as_difference

    arguments.cache.mkdir(parents=True, exist_ok=True)
    teacher, labels = Teacher(arguments.teacher), read_labels(arguments.labels)
    first = BundledSegmenter(arguments.start) if arguments.start else None
    masks = read_outlined() if arguments.outlined else {}
    files = named(arguments.pictures)
    accepted, outlined, empty = learnt_from(
        files, labels, masks, teacher=teacher, first=first, cache=arguments.cache
    )
    if not accepted:
        parser.error(f"{arguments.labels} accepts none of the {len(arguments.pictures)} pictures")
    rounds = arguments.rounds
    drawn = chain(views(accepted, empty, rounds, min(rounds, 2)), empty_views(empty))
    corrected = views(outlined, empty, OUTLINED_ROUNDS, OUTLINED_VARIED_ROUNDS)
    output: Path = arguments.output

    def write(network: "SubjectNetwork", ending: str = "") -> None:
        file = output.with_stem(f"{output.stem}{ending}")
        save_file(as_difference(network.state_dict(), FROZEN), file)

    plain, outlines = (examples(each, arguments.cache) for each in (drawn, corrected))
    networks = []
    for seed in arguments.seeds:

        def keep(step: int, average: "SubjectNetwork", seed: int = seed) -> None:
            write(average, f"_{seed}_{step}")

        start, steps = arguments.start, arguments.steps
        networks.append(train(plain, steps, seed, start, outlined=outlines, keep=keep))
    write(mean_of(networks))


if __name__ == "__main__":
    main()
