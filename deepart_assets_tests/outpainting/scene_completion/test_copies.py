import cv2
import numpy as np
import pytest

from deepart_assets.imaging import hash_to_hex, perceptual_hash
from deepart_assets.outpainting.scene_completion.copies import Catalogue, CopyCheck
from deepart_assets_tests.outpainting.scene_completion.drawn import ground, oval, paint, subject

PICTURE = paint(5, 400, 320)
MASK = oval(400, 320, radii=(0.35, 0.4))


def recoloured(picture):
    return cv2.applyColorMap(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLORMAP_BONE)


@pytest.mark.parametrize(
    "copy",
    [
        PICTURE,
        PICTURE[60:360, 20:300],
        cv2.resize(PICTURE, (480, 600), interpolation=cv2.INTER_CUBIC),
        PICTURE[:, ::-1],
        recoloured(PICTURE),
    ],
    ids=["duplicate", "detail", "enlarged", "mirrored", "recoloured"],
)
def test_a_copy_is_found(copy):
    assert CopyCheck(subject(PICTURE, MASK))(np.ascontiguousarray(copy))


def test_other_paintings_are_no_copies():
    check = CopyCheck(subject(PICTURE, MASK))
    assert not any(check(paint(seed, 400, 320)) for seed in (6, 7, 8))
    assert not check(np.full((100, 100, 3), 99, np.uint8))


def test_only_the_subject_counts():
    other = paint(9, 400, 320)
    lent = np.where(oval(400, 320, radii=(0.4, 0.45))[..., None], other, PICTURE)
    assert not CopyCheck(subject(PICTURE, MASK))(lent)


def test_the_catalogue_names_the_painting_and_its_copies():
    mirrored = np.ascontiguousarray(PICTURE[:, ::-1])
    grounds = (
        ground("a", picture=PICTURE),
        ground("b", picture=cv2.resize(PICTURE, (160, 200), interpolation=cv2.INTER_AREA)),
        ground("c", picture=mirrored),
        ground("d", 3),
        ground("e", 4, title="LA PROMENADE", artist="Edouard Manet"),
    )
    catalogue = Catalogue(grounds)
    assert catalogue.own({"id": "a"}).tolist() == [True, True, True, False, False]
    named = {"id": "new", "title": "La promenade", "artist": "Édouard Manet"}
    assert catalogue.own(named).tolist() == [False] * 4 + [True]
    assert not catalogue.own({}).any()


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_catalogue_knows_a_scan_without_a_title_by_its_perceptual_hash(mirrored):
    scan = PICTURE[:, ::-1] if mirrored else PICTURE
    seen = hash_to_hex(perceptual_hash(cv2.resize(scan, (64, 80), interpolation=cv2.INTER_AREA)))
    catalogue = Catalogue([ground("a", picture=PICTURE), ground("d", 3)])
    assert catalogue.own({"id": "scan-17", "phash": seen}).tolist() == [True, False]
    assert not catalogue.own({"id": "scan-17", "phash": ""}).any()
