"""Trains the bundled segmenter's network on masks of paintings that were accepted by eye.

    python -m recipes.subject_segmenter --teacher isnet.onnx --cache FOLDER
        --output first.safetensors -- PICTURE...
    python -m recipes.subject_segmenter --teacher isnet.onnx --cache FOLDER
        --start first.safetensors --steps 800 --output subject.safetensors -- PICTURE...

`labels.csv` says which pictures are learnt from (`labels`). The teacher labels the accepted ones;
other views and composites (`views`) inherit its masks. The second training goes on from the first
and learns from accepted masks of the first network as well. With `--outlined`, paintings of which
both were wrong are learnt from with their corrected masks (`outlines`); the network that ships was
trained before there were any. The cache folder keeps masks and features, so that training begins at
once the second time.
"""

import argparse
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.segmentation.subject_features import FROZEN, FeatureExtractor, Features, grid_of
from recipes.subject_segmenter.labels import LABELS, Label, named, read_labels
from recipes.subject_segmenter.outlines import Outlined, read_outlined
from recipes.subject_segmenter.teacher import Teacher, label, own_label, read_picture
from recipes.subject_segmenter.views import (
    Labelled,
    composite,
    cut_out,
    framed,
    mirrored,
    varied,
)

if TYPE_CHECKING:
    import torch

    from deepart_assets.segmentation.bundled import BundledSegmenter
    from deepart_assets.segmentation.subject_network import SubjectNetwork

ROUNDS = 3
"""Composites of each accepted subject. The first two rounds vary the whole painting as well, the
first one the empty views."""
LARGEST_CUT_OUT = 0.75
"""A subject of a larger share of its painting is not put before other grounds."""
FRAMED = {"accepted": 0.2, "composite": 0.12, "empty": 0.3}
"""How many of the varied views get a frame or an oval's corners."""
BATCH = 4
LEARNING_RATES, WARM_UP = (2e-3, 1e-4), 40
"""Of the decoder, and of the pretrained layers."""
SECOND_LEARNING_RATES = 8e-4, 5e-5
"""The same where training goes on from a network."""
MOST_CHANGE = 1.0
"""Greatest norm of the pretrained layers' gradient."""
WEIGHT_DECAY = 0.05
MOVING_AVERAGE = 0.985
EDGE_WEIGHT = 3.0
MISSED_WEIGHT, EXCESS_WEIGHT = 1.2, 0.6
"""A lost arm spoils more than a kept cushion (the weights of Salehi et al. 2017)."""


class Example(NamedTuple):
    """One view: what the network sees, and what it should say."""

    features: Features
    mask: NDArray[np.float32]
    """8r×8c in [0, 1]."""


def views(
    accepted: Mapping[str, Labelled], empty: Mapping[str, Labelled], rounds: int = ROUNDS
) -> Iterator[tuple[str, Labelled]]:
    """Yield the views with a name each, always the same ones for a painting."""
    for name, painting in accepted.items():
        yield f"a0_{name}", painting
    for name, painting in empty.items():
        yield f"n0_{name}", painting
    cuts = {
        name: subject
        for name, painting in accepted.items()
        if painting.mask.mean() < LARGEST_CUT_OUT and (subject := cut_out(painting)) is not None
    }
    for number in range(rounds):
        for name, painting in accepted.items() if number < 2 else ():
            yield (
                f"v{number}_{name}",
                _varied(painting, FRAMED["accepted"], _random(name, 1, number)),
            )
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
        for name, painting in empty.items() if number < 1 else ():
            yield f"n1_{name}", _varied(painting, FRAMED["empty"], _random(name, 3, number))


def _varied(painting: Labelled, share: float, random: np.random.Generator) -> Labelled:
    view = varied(painting, random)
    return framed(view, random) if random.random() < share else view


def _random(*parts: object) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(str(part).encode()) for part in parts])


def learnt_from(
    files: Mapping[str, Path],
    labels: Mapping[str, Label],
    outlined: Mapping[str, Outlined],
    *,
    teacher: Teacher,
    first: "BundledSegmenter | None",
    cache: Path,
) -> tuple[dict[str, Labelled], dict[str, Labelled]]:
    """Return the training split's paintings with a subject, and the views without one, by name.

    Args:
        files: The pictures, named as the tables name them.
        labels: What was decided of each.
        outlined: Masks for paintings that `labels` leaves out.
        teacher: Labels the accepted ones.
        first: Labels those labelled `own`; None: they are left out.
        cache: Keeps the teacher's masks.
    """
    accepted, empty = {}, {}
    for name, file in files.items():
        row, mask = labels.get(name), outlined.get(name)
        if row is None or row.split != "train":
            continue
        if (row.label == "own" and first is None) or (not row.label and mask is None):
            continue
        picture = read_picture(file)
        size = picture.shape[:2]
        if row.label == "accepted":
            accepted[name] = label(name, picture, teacher, cache)
        elif row.label == "own" and first:
            accepted[name] = own_label(picture, first)
        elif mask and mask.polygons and not row.label:
            accepted[name] = Labelled(picture, mask.mask(*size).astype(np.float32))
        else:
            empty[name] = Labelled(picture, np.zeros(size, np.float32))
    return accepted, empty


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
        aspect, patches = np.exp(random.uniform(-0.12, 0.12)), int(random.integers(600, 880))
        rows, columns = grid_of(view.mask.shape[0], view.mask.shape[1], patches)
        rows, columns = grid_of(round(100 * rows * aspect), 100 * columns, patches)
        seen = extract(view.picture, rows, columns)
        mask = resize(view.mask, 8 * rows, 8 * columns).astype(np.float16)
        np.savez(file, **seen._asdict(), mask=mask)
    return files


def read_example(file: Path) -> Example:
    """Read what `examples` wrote."""
    with np.load(file) as kept:
        features = Features(*(kept[name] for name in Features._fields))
        return Example(features, kept["mask"].astype(np.float32).clip(0, 1))


def loss_of(logits: "torch.Tensor", target: "torch.Tensor") -> "torch.Tensor":
    """Return cross-entropy, heavier near contours, plus 1 - Tversky where there is a subject."""
    from torch.nn import functional

    smooth = functional.avg_pool2d(target[None], 9, 1, 4, count_include_pad=False)[0]
    weights = 1 + EDGE_WEIGHT * (target - smooth).abs()
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    loss = (entropy * weights).sum() / weights.sum()
    if float(target.mean()) > 0.02:
        found = logits.sigmoid()
        both = (found * target).sum()
        missed, excess = ((1 - found) * target).sum(), (found * (1 - target)).sum()
        loss = loss + 1 - both / (both + MISSED_WEIGHT * missed + EXCESS_WEIGHT * excess)
    return loss


def train(
    files: Sequence[Path], steps: int, seed: int, start: Path | None = None
) -> "SubjectNetwork":
    """Train the last layers further and the rest from scratch, or go on from a network.

    AdamW, warm-up and cosine, and the moving average of the weights.
    """
    import torch

    from deepart_assets.segmentation.pretrained_layers import pretrained_layers
    from deepart_assets.segmentation.subject_network import SubjectNetwork, load_network

    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network, average = SubjectNetwork().train(), SubjectNetwork().eval()
    numbers = range(FROZEN, FROZEN + len(network.layers))
    for layer, state in zip(network.layers, pretrained_layers(numbers).values(), strict=True):
        layer.load_state_dict({name: torch.from_numpy(each) for name, each in state.items()})
    if start:
        network.load_state_dict(load_network(start).state_dict())
    average.load_state_dict(network.state_dict())
    pretrained = list(network.layers.parameters())
    known = {id(each) for each in pretrained}
    groups = [
        {"params": [each for each in network.parameters() if id(each) not in known]},
        {"params": pretrained},
    ]
    rates = SECOND_LEARNING_RATES if start else LEARNING_RATES
    optimiser = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    queue: list[Path] = []
    for step in range(steps):
        cosine = 0.5 * (1 + np.cos(np.pi * step / steps)) + 0.01
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * cosine * min(1, (step + 1) / WARM_UP)
        for _ in range(BATCH):
            if not queue:
                queue = [files[index] for index in random.permutation(len(files))]
            example = read_example(queue.pop())
            target = torch.from_numpy(example.mask)
            (loss_of(network(example.features), target) / BATCH).backward()
        torch.nn.utils.clip_grad_norm_(pretrained, MOST_CHANGE)
        optimiser.step()
        optimiser.zero_grad()
        kept = min(MOVING_AVERAGE, (step + 1) / (step + 10))
        with torch.no_grad():
            for old, new in zip(average.parameters(), network.parameters(), strict=True):
                old.lerp_(new, 1 - kept)
    return average


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
    parser.add_argument("--steps", type=int, default=1100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    from safetensors.torch import save_file

    from deepart_assets.segmentation.bundled import BundledSegmenter
    from deepart_assets.segmentation.pretrained_layers import as_difference

    arguments.cache.mkdir(parents=True, exist_ok=True)
    teacher, labels = Teacher(arguments.teacher), read_labels(arguments.labels)
    first = BundledSegmenter(arguments.start) if arguments.start else None
    masks = read_outlined() if arguments.outlined else {}
    files = named(arguments.pictures)
    accepted, empty = learnt_from(
        files, labels, masks, teacher=teacher, first=first, cache=arguments.cache
    )
    if not accepted:
        parser.error(f"{arguments.labels} accepts none of the {len(arguments.pictures)} pictures")
    drawn = examples(views(accepted, empty), arguments.cache)
    network = train(drawn, arguments.steps, arguments.seed, arguments.start)
    save_file(as_difference(network.state_dict(), FROZEN), arguments.output)


if __name__ == "__main__":
    main()
