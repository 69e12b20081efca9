"""How fast the adversarial stage trains: this project's loop beside BasicSR's own.

    python benchmarks/training.py [--quick] [--threads N]

Writes benchmarks/results/training.json. All run the same options (configs/SR/art_esrgan.yml, with
the sizes of the row), the same pairs and the same losses in one process, by turns; the better of
two counts, and only the ratios mean something on a busy machine. "BasicSR" is its ESRGANModel with
its PairedImageDataset of PNG files, its data loader and its prefetcher, in float32 and torch's
default layout, as its train.py runs them. "ours" is the whole training that the asset runs, without
validation and checkpoints; it reads the pairs as the asset stores them. VGG19 has random weights,
which are as fast as trained ones. "crops" is how many batches a second can be cut when nothing is
trained: the loader keeps a GPU busy while that is the larger number.
"""

import argparse
import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from bench_table import machine, publish

from deepart_assets.compat import prepare
from deepart_assets.imaging import encode_png
from deepart_assets.settings.section import deep_merge
from deepart_assets.settings.training import AdversarialTraining
from deepart_assets.super_resolution.data.pair_files import MappedPicture, StoredPair, encode_tiff
from deepart_assets.super_resolution.data.pairs import CONTEXT, Pair, Sampling
from deepart_assets.super_resolution.training.batches import Batches
from deepart_assets.super_resolution.training.feature_networks import FeatureNetwork
from deepart_assets.super_resolution.training.job import basicsr_options, run_job
from deepart_assets.super_resolution.training.loop import Job
from deepart_assets.super_resolution.training.progress import Step
from deepart_assets.super_resolution.weights import Spec, to_bytes

PAIRS, WORKERS = 8, min(4, os.cpu_count() or 1)
EFFICIENTNET = {"type": "EfficientNetLoss", "perceptual_weight": 0.01}


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small networks, about a minute")
    parser.add_argument("--threads", type=int, help="threads of torch; default: torch's choice")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    has_gpu = torch.cuda.is_available()
    side, iterations = (768, 5) if arguments.quick else (2048, 12)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = write_pairs(folder, side)
        data = Data(pairs, folder, None if arguments.quick else random_vgg19(folder))
        rows = []
        if arguments.quick:
            rows += measure("32/6", Spec(32, 6, 16), 3, data, iterations)
        else:
            iterations = 200 if has_gpu else iterations
            for batch in (8, 16) if has_gpu else (2,):
                paper = Spec(64, 23, 32)
                rows += measure("64/23", paper, batch, data, iterations)
    publish("training", f"Adversarial training, {machine()}", rows)


@dataclass(frozen=True)
class Data:
    """The pairs, in both forms, and the feature network (None: EfficientNet-Lite0)."""

    pairs: list[Pair]
    folder: Path
    features: FeatureNetwork | None


def measure(name: str, size: Spec, batch: int, data: Data, iterations: int) -> list[dict[str, Any]]:
    """Return a row for each way to train one network."""
    prepare()
    from basicsr.archs.rrdbnet_arch import RRDBNet

    torch.manual_seed(0)
    net = RRDBNet(3, 3, 4, size.features, size.blocks, size.growth)
    base = to_bytes(net.state_dict(), {})

    def job(**more: Any) -> Job:
        sizes = {"num_feat": size.features, "num_block": size.blocks, "num_grow_ch": size.growth}
        given: dict[str, Any] = {
            "network_g": sizes,
            "datasets": {"train": {"batch_size_per_gpu": batch}},
            "train": {"total_iter": iterations},
            "val": {"val_freq": iterations, "choose_best": False, "collapse_loss": 0},
        }
        if data.features is None:
            given["train"]["perceptual_opt"] = EFFICIENTNET
        settings = AdversarialTraining.model_validate(deep_merge(given, more))
        network = data.features or FeatureNetwork("EfficientNet-Lite0", EFFICIENTNET)
        return Job(data.pairs, settings, base, network)

    ways: dict[str, Callable[[], float]] = {
        "BasicSR": lambda: basicsr_rate(job(), data.folder, iterations),
        "ours": lambda: our_rate(job()),
        "ours, bf16": lambda: our_rate(job(precision="bf16")),
    }
    if torch.cuda.is_available():
        ways["ours, bf16, compiled"] = lambda: our_rate(job(precision="bf16", compile=True))
    rates = dict.fromkeys(ways, 0.0)
    for _ in range(2):
        for way, rate in ways.items():
            rates[way] = max(rates[way], rate())
    crops = crop_rate(data.pairs, batch)
    return [
        {
            "name": f"{name} {way}",
            "batch": batch,
            "iterations_per_second": rate,
            "times_basicsr": rate / rates["BasicSR"],
            "crops_per_second": None if way == "BasicSR" else crops,
        }
        for way, rate in rates.items()
    ]


def our_rate(job: Job) -> float:
    """Return iterations a second between the first report and the last but one."""
    times: list[tuple[int, float]] = []

    def note(step: Step) -> None:
        times.append((step.iteration, time.perf_counter()))

    run_job(job, note)
    # The first iterations warm up; the last one is validated.
    (first, start), (last, end) = times[max(1, len(times) // 4)], times[-2]
    return (last - first) / (end - start)


def basicsr_rate(job: Job, folder: Path, iterations: int) -> float:
    """Return iterations a second of BasicSR's own model, data set, loader and prefetcher."""
    prepare()
    from basicsr.data import build_dataloader, build_dataset
    from basicsr.data.data_sampler import EnlargedSampler
    from basicsr.data.prefetch_dataloader import CPUPrefetcher, CUDAPrefetcher
    from basicsr.models import build_model

    from deepart_assets.super_resolution.training import losses  # noqa: F401  (registers EfficientNetLoss)

    options = basicsr_options(job)
    options |= {"model_type": "ESRGANModel", "path": {}}
    crops = job.settings.datasets.train
    data_options = {
        "name": "pairs",
        "type": "PairedImageDataset",
        "phase": "train",
        "scale": 4,
        "dataroot_gt": str(folder / "hr"),
        "dataroot_lq": str(folder / "lr"),
        "io_backend": {"type": "disk"},
        "gt_size": crops.gt_size,
        "use_hflip": True,
        "use_rot": True,
        "num_worker_per_gpu": WORKERS,
        "batch_size_per_gpu": crops.batch_size_per_gpu,
        "prefetch_mode": "cuda" if torch.cuda.is_available() else "cpu",
        "pin_memory": torch.cuda.is_available(),
    }
    with contextlib.redirect_stdout(io.StringIO()):
        model = build_model(options)
        data = build_dataset(data_options)
        sampler = EnlargedSampler(data, 1, 0, 10 * iterations * crops.batch_size_per_gpu)
        loader = build_dataloader(
            data, data_options, num_gpu=1, dist=False, sampler=sampler, seed=0
        )
    prefetcher = (
        CUDAPrefetcher(loader, options) if torch.cuda.is_available() else CPUPrefetcher(loader)
    )
    warm = max(2, iterations // 4)
    start = 0.0
    for iteration in range(1, iterations + 1):
        model.update_learning_rate(iteration)
        model.feed_data(prefetcher.next())
        model.optimize_parameters(iteration)
        if iteration == warm:
            start = _now()
    return (iterations - warm) / (_now() - start)


def crop_rate(pairs: list[Pair], batch: int) -> float:
    """Return batches a second that the loader cuts when nothing is trained."""
    count = 100
    with Batches(pairs, np.random.default_rng(0), Sampling(batch, 128, CONTEXT)) as batches:
        next(batches)
        start = time.perf_counter()
        for _ in range(count):
            next(batches)
        return count / (time.perf_counter() - start)


def write_pairs(folder: Path, side: int) -> list[Pair]:
    """Write pairs as BasicSR reads them (PNG) and as the asset stores them (TIFF)."""
    generator = np.random.default_rng(0)
    pairs: list[Pair] = []
    for number in range(PAIRS):
        small = generator.integers(0, 256, (side // 16, side // 12, 3), dtype=np.uint8)
        hr = cv2.resize(small, (side * 4 // 3 // 4 * 4, side), interpolation=cv2.INTER_CUBIC)
        pictures = {"hr": hr, "lr": cv2.resize(hr, None, fx=0.25, fy=0.25)}
        mapped = {}
        for kind, picture in pictures.items():
            (folder / kind).mkdir(exist_ok=True)
            (folder / kind / f"{number}.png").write_bytes(encode_png(picture))
            file = folder / f"{kind}{number}.tiff"
            file.write_bytes(encode_tiff(picture))
            mapped[kind] = MappedPicture.of(file)
        pairs.append(StoredPair(str(number), "train", mapped["lr"], mapped["hr"]))
    return pairs


def random_vgg19(folder: Path) -> FeatureNetwork:
    """Write VGG19 with random weights, the three layers that no loss needs as one number each."""
    prepare()
    from torchvision.models import vgg19

    with torch.device("meta"):
        shapes = {name: value.shape for name, value in vgg19().state_dict().items()}
    state = {
        name: torch.randn(shape) * (2 / max(1, shape[1:].numel())) ** 0.5
        if name.startswith("features.")
        else torch.zeros(1).expand(shape)
        for name, shape in shapes.items()
    }
    file = folder / "vgg19.pth"
    torch.save(state, file)
    options = AdversarialTraining.model_validate({}).train.perceptual_opt
    loss = options.model_dump(exclude={"weights", "sha256", "fallback"})
    return FeatureNetwork("VGG19, random", loss, file)


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    main()
