"""Faces: the detector against the published network, what a mask leaves out, completed heads."""

import math
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.assets.supports import SegmenterInput
from deepart_assets.errors import UnavailableError
from deepart_assets.imaging import decode_rgb, resize
from deepart_assets.imaging.borders import Box
from deepart_assets.segmentation import Prediction, Support
from deepart_assets.segmentation.face_network import FaceNetwork
from deepart_assets.segmentation.faces import (
    ACROSS,
    ALONG,
    NETWORK,
    Face,
    find_faces,
    left_out,
    read_faces,
    recorded,
)
from deepart_assets.segmentation.heads import HEAD, with_heads
from deepart_assets.segmentation.published_network import read_weights
from deepart_assets.settings.places import PROJECT

PAINTINGS = PROJECT / "data" / "sample" / "paintings"


def painting(name, *size):
    picture = decode_rgb((PAINTINGS / f"{name}.jpg").read_bytes(), name)
    return resize(picture, *size) if size else picture


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.floats(-20, 60), st.floats(-20, 60), st.floats(1, 50)),
    st.floats(-math.pi, math.pi),
    st.sampled_from([{}, HEAD, {"across": 2, "along": 0.3, "rise": -1}]),
)
def test_an_ellipse_is_that_of_the_whole_plane(size, place, angle, shape):
    x, y, side = place
    face = Face(1, x, y, side, math.sin(angle), -math.cos(angle))
    across, along = shape.get("across", ACROSS), shape.get("along", ALONG)
    places = np.mgrid[: size[0], : size[1]].astype(np.float64)
    away_y = places[0] - y - face.up_y * shape.get("rise", 0) * side
    away_x = places[1] - x - face.up_x * shape.get("rise", 0) * side
    along_face = (away_x * face.up_x + away_y * face.up_y) / (along * side)
    across_face = (away_x * face.up_y - away_y * face.up_x) / (across * side)
    distance = along_face**2 + across_face**2
    clear = np.abs(distance - 1) > 1e-4
    assert np.array_equal(face.ellipse(size, **shape)[clear], (distance <= 1)[clear])


def test_the_ellipse_of_a_face_in_a_large_scan_takes_little_memory():
    tracemalloc.start()
    Face(1, 2000, 2000, 300, 0, -1).ellipse((4000, 3000))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3 * 12_000_000  # a byte a pixel, and what the face needs


def test_finds_what_the_published_network_finds():
    """The reference is that of the TFLite file in OpenCV 5.0, at the place of the best score."""
    batch = torch.zeros(1, 3, 192, 192)
    picture = painting("643540", 192, 160)
    batch[..., :160] = torch.from_numpy(picture).permute(2, 0, 1) / 127.5 - 1
    with torch.inference_mode():
        logits, points = read_weights(FaceNetwork(), NETWORK, "")(batch)
    assert int(logits.argmax()) == 16 * 48 + 18
    assert float(logits.max()) == pytest.approx(2.2296, abs=2e-3)
    expected = [
        -2.592, -0.632, 42.870, 42.867, -10.150, -8.783, 4.690, -6.495,
        -8.827, 2.874, -6.105, 10.214, -9.006, -6.243, 23.979, -3.160,
    ]  # fmt: skip
    assert points[0, 16, 18].ravel().tolist() == pytest.approx(expected, abs=0.02)


def test_finds_a_portraits_face_at_any_size_and_mirrored():
    picture = painting("643540")
    height, width = picture.shape[:2]
    [face] = find_faces(picture)
    assert 0.2 < face.side / width < 0.35 and face.up_y < -0.9
    [small] = find_faces(resize(picture, height // 2, width // 2))
    assert small.moved(2)[1:4] == pytest.approx(face[1:4], abs=0.03 * width)
    [other] = find_faces(np.ascontiguousarray(picture[:, ::-1]))
    assert (width - other.x, other.y) == pytest.approx((face.x, face.y), abs=0.03 * width)


@pytest.mark.parametrize("name", ["436005", "437191"])
def test_finds_nobody_in_a_view(name):
    assert find_faces(painting(name)) == []


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (50, 40)])
def test_finds_nobody_on_a_blank_canvas(shape):
    assert find_faces(np.full((*shape, 3), 128, np.uint8)) == []


def test_a_file_of_another_network_is_refused(tmp_path):
    (tmp_path / "faces.safetensors").write_bytes(b"no")
    with pytest.raises(UnavailableError, match="not the face detector"):
        read_weights(FaceNetwork(), tmp_path / "faces.safetensors", "the face detector")


def upright(x, y, side=30, score=0.9):
    return Face(score, x, y, side, 0.0, -1.0)


@given(st.floats(0, 2 * math.pi))
def test_an_ellipse_turns_with_the_face(angle):
    face = Face(0.9, 100, 100, 60, math.sin(angle), -math.cos(angle))
    region = face.ellipse((200, 200), 0.3, 0.6, rise=0.5)
    rows, columns = np.nonzero(region)
    expected = (100 + 30 * math.sin(angle), 100 - 30 * math.cos(angle))
    assert (columns.mean(), rows.mean()) == pytest.approx(expected, abs=0.5)
    assert region.sum() == pytest.approx(math.pi * 18 * 36, rel=0.02)


def test_says_where_faces_are_left_out():
    mask = np.zeros((300, 300), bool)
    mask[100:200, 100:200] = True
    faces = [upright(150, 150), upright(40, 50), upright(280, 150), upright(285, 290)]
    assert left_out(faces, mask) == ["upper left", "middle right", "lower right"]
    assert left_out(faces, ~mask) == ["centre"]
    assert left_out(faces, mask | True) == []


@pytest.mark.parametrize(
    ("onlooker", "missed"),
    [
        (upright(50, 50, 40), True),
        (upright(50, 50, 40, score=0.48), False),  # not sure
        (upright(50, 50, 20), False),  # far behind the one that is kept
    ],
)
def test_an_onlooker_may_be_left_out(onlooker, missed):
    mask = np.zeros((400, 400), bool)
    mask[150:, 150:] = True
    assert bool(left_out([upright(250, 250, 50), onlooker], mask)) == missed


def test_without_a_kept_face_only_the_size_counts():
    mask = np.zeros((400, 400), bool)
    assert left_out([upright(50, 50, 14)], mask) == ["upper left"]
    assert left_out([upright(50, 50, 10)], mask) == []


def test_a_record_is_read_at_another_size():
    face = Face(0.8, 120.0, 60.0, 30.0, 0.6, -0.8)
    [again] = read_faces(recorded([face], (200, 300)), (400, 600))
    assert again == pytest.approx(face.moved(2), abs=0.1)


def sitter():
    """A figure before a green wall: skin, a crown of brown hair, a blue coat; and its mask."""
    rows, columns = np.mgrid[:400, :300]
    noise = np.random.default_rng(0).integers(-8, 8, (400, 300, 3))
    coat = (rows > 230) & (abs(columns - 150) < 90)
    hair = (columns - 150) ** 2 + (rows - 150) ** 2 < 55**2
    skin = ((columns - 150) / 38) ** 2 + ((rows - 180) / 52) ** 2 < 1
    picture = np.full((400, 300, 3), (120, 150, 110))
    for region, colour in ((coat, (40, 60, 130)), (hair, (70, 40, 20)), (skin, (220, 180, 150))):
        picture[region] = colour
    whole = coat | hair | skin
    return np.clip(picture + noise, 0, 255).astype(np.uint8), whole, upright(150, 180, 80)


def test_a_scalped_head_is_completed_without_a_halo():
    picture, whole, face = sitter()
    scalped = whole.copy()
    scalped[:195] = False
    found = with_heads(picture, scalped.astype(np.float32), [face]) >= 0.5
    assert (found & whole).sum() > 0.99 * whole.sum()
    assert (found & ~whole).sum() < 0.01 * whole.sum()


def test_no_ground_is_added_to_a_face_in_profile():
    picture, whole, _ = sitter()
    beside = upright(175, 180, 80)  # a third of the box is wall
    found = with_heads(picture, whole.astype(np.float32), [beside]) >= 0.5
    assert (found != whole).sum() < 0.005 * whole.sum()


def test_a_head_that_does_not_touch_the_subject_stays_out():
    picture, whole, face = sitter()
    feet = whole.copy()
    feet[:330] = False
    soft = feet.astype(np.float32)
    assert with_heads(picture, soft, [face]) is soft
    assert with_heads(picture, soft, []) is soft


def test_faces_lie_in_the_picture_with_its_support():
    support = Support(Box(10, 20, 50, 80))
    item = SegmenterInput(np.zeros((60, 40, 3), np.uint8), {}, support, (100, 60), (100, 60))
    found = Prediction(np.ones((60, 40), np.float32), 0.9, faces=(upright(15, 25, 8),))
    assert item.placed(found).faces == (upright(25, 45, 8),)
