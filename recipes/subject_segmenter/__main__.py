"""Trains the bundled segmenter's network on a large network's masks of paintings.

    python -m recipes.subject_segmenter --teacher isnet.onnx --cache FOLDER
        --output subject.safetensors [--not-a-ground STEM...] -- PICTURE...

The teacher labels whole paintings and a part of each; other views and composites
(`views`) inherit their masks. The cache folder keeps masks and features, so that training
begins at once the second time. Of 106 paintings there are 818 views; labelling and looking take 25
minutes on one core and 1 GB, 300 steps 15 minutes.
"""

import argparse
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.segmentation.subject_features import FROZEN, FeatureExtractor, Features, grid_of
from recipes.subject_segmenter.teacher import Teacher, is_confident, label, label_crops
from recipes.subject_segmenter.views import (
    Labelled,
    composite,
    cut_out,
    mirrored,
    varied,
)

if TYPE_CHECKING:
    import torch

    from deepart_assets.segmentation.subject_network import SubjectNetwork

VIEWS, COMPOSITES = 4, 9
"""Views of each painting, the first as it is; composites of each clear subject."""
BATCH = 4
LEARNING_RATE, LAYERS_LEARNING_RATE, WARM_UP = 2e-3, 1e-4, 40
MOST_CHANGE = 1.0
"""Greatest norm of the pretrained layers' gradient."""
WEIGHT_DECAY = 0.05
MOVING_AVERAGE = 0.98
EDGE_WEIGHT = 4.0
UNSURE_WEIGHT = 0.15
"""Of views whose mask is not to be taken at its word; and in them decided pixels count most."""


class Example(NamedTuple):
    """One view: what the network sees, and what it should say."""

    features: Features
    mask: NDArray[np.float32]
    """8r×8c in [0, 1]."""
    sure: bool
    """Whether the mask can be taken at its word."""


def views(
    paintings: Sequence[Labelled],
    grounds: Sequence[Labelled],
    crops: Sequence[Labelled],
    seed: int,
) -> Iterator[tuple[Labelled, bool]]:
    """Yield the views and whether their masks are sure, always the same ones for a seed.

    Args:
        paintings: All paintings.
        grounds: Those without a subject, before which the clear subjects of others are put.
        crops: What `label_crops` found.
        seed: Of everything that is drawn.
    """
    subjects = [
        subject
        for each in paintings
        if is_confident(each.mask, 0.22) and (subject := cut_out(each)) is not None
    ]
    for number, painting in enumerate(paintings):
        sure = is_confident(painting.mask)
        for view in range(VIEWS):
            random = np.random.default_rng((seed, 0, number, view))
            yield (varied(painting, random) if view else painting), sure
    for number, subject in enumerate(subjects if grounds else ()):
        for view in range(COMPOSITES):
            random = np.random.default_rng((seed, 1, number, view))
            second = (
                subjects[int(random.integers(len(subjects)))] if random.random() < 0.4 else None
            )
            first = mirrored(subject) if random.random() < 0.5 else subject
            ground = grounds[int(random.integers(len(grounds)))]
            yield composite(first, second, ground, random), True
    for number, crop in enumerate(crops):
        yield crop, True
        yield varied(crop, np.random.default_rng((seed, 4, number))), True


def examples(drawn: Iterator[tuple[Labelled, bool]], cache: Path, seed: int) -> list[Path]:
    """Write the features and masks of views into the cache folder; return the files."""
    extract = FeatureExtractor()
    files = []
    for number, (view, sure) in enumerate(drawn):
        stamp = zlib.crc32(view.picture.tobytes())
        file = cache / f"{seed}-{number}-{stamp:08x}.npz"
        files.append(file)
        if file.exists():
            continue
        random = np.random.default_rng((seed, 2, number))
        aspect = np.exp(random.uniform(-0.15, 0.15))
        patches = int(random.integers(560, 900))
        rows, columns = grid_of(view.mask.shape[0], view.mask.shape[1], patches)
        rows, columns = grid_of(round(100 * rows * aspect), 100 * columns, patches)
        seen = extract(view.picture, rows, columns)
        mask = resize(view.mask, 8 * rows, 8 * columns)
        np.savez(file, **seen._asdict(), mask=mask, sure=sure)
    return files


def read_example(file: Path) -> Example:
    """Read what `examples` wrote."""
    with np.load(file) as kept:
        features = Features(*(kept[name] for name in Features._fields))
        return Example(features, kept["mask"].clip(0, 1), bool(kept["sure"]))


def loss_of(logits: "torch.Tensor", target: "torch.Tensor", sure: bool = True) -> "torch.Tensor":
    """Return cross-entropy, heavier near contours, plus 1 - soft IoU where there is a subject.

    Of an unsure mask only the cross-entropy counts, and each pixel as far as it is decided.
    """
    from torch.nn import functional

    smooth = functional.avg_pool2d(target[None], 9, 1, 4, count_include_pad=False)[0]
    weights = 1 + EDGE_WEIGHT * (target - smooth).abs()
    if not sure:
        weights = weights * ((2 * target - 1).abs() + 0.05)
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    loss = (entropy * weights).sum() / weights.sum()
    if not sure:
        return UNSURE_WEIGHT * loss
    if float(target.mean()) > 0.02:
        found = logits.sigmoid()
        both = (found * target).sum()
        loss = loss + 1 - both / ((found + target).sum() - both)
    return loss


def train(files: Sequence[Path], steps: int, seed: int) -> "SubjectNetwork":
    """Train the last layers further and the rest from scratch.

    AdamW, warm-up and cosine, and the moving average of the weights.
    """
    import torch

    from deepart_assets.segmentation.pretrained_layers import pretrained_layers
    from deepart_assets.segmentation.subject_network import SubjectNetwork

    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network, average = SubjectNetwork().train(), SubjectNetwork().eval()
    numbers = range(FROZEN, FROZEN + len(network.layers))
    for layer, state in zip(network.layers, pretrained_layers(numbers).values(), strict=True):
        layer.load_state_dict({name: torch.from_numpy(each) for name, each in state.items()})
    average.load_state_dict(network.state_dict())
    pretrained = list(network.layers.parameters())
    known = {id(each) for each in pretrained}
    groups = [
        {"params": [each for each in network.parameters() if id(each) not in known]},
        {"params": pretrained},
    ]
    rates = LEARNING_RATE, LAYERS_LEARNING_RATE
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
            (loss_of(network(example.features), target, example.sure) / BATCH).backward()
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
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--not-a-ground",
        nargs="*",
        default=[],
        metavar="STEM",
        help="paintings whose figures the teacher overlooks: no ground for composites",
    )
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    from safetensors.torch import save_file

    from deepart_assets.segmentation.pretrained_layers import as_difference

    arguments.cache.mkdir(parents=True, exist_ok=True)
    teacher = Teacher(arguments.teacher)
    paintings = label(arguments.pictures, teacher, arguments.cache)
    empty = [
        float((painting.mask > 0.5).mean()) < 0.015 and float(painting.mask.mean()) < 0.04
        for painting in paintings
    ]
    rows = list(zip(arguments.pictures, paintings, empty, strict=True))
    grounds = [
        painting
        for file, painting, nothing in rows
        if nothing and file.stem not in arguments.not_a_ground
    ]
    others = [file for file, _, nothing in rows if not nothing]
    crops = label_crops(others, teacher, arguments.cache)
    drawn = views(paintings, grounds, crops, arguments.seed)
    files = examples(drawn, arguments.cache, arguments.seed)
    network = train(files, arguments.steps, arguments.seed)
    save_file(as_difference(network.state_dict(), FROZEN), arguments.output)


if __name__ == "__main__":
    main()
