"""Trims the ground off a mask: a halo between hat and collar, fragments far from the subject."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.segmentation.cleanup import THRESHOLD, components_of, reached
from deepart_assets.segmentation.faces import Face
from deepart_assets.segmentation.refinement import box_mean, moved_towards, reduced

DEPTH = 14
"""Nothing deeper in the subject is trimmed, in pixels of the reduced picture."""
INSIDE, OUTSIDE = 7, 3
"""The subject's colours are learnt deeper in it than the first, the ground's farther from it than
the second."""
FRAME, SURE = 24, 0.95
"""So many pixels from the picture's edge the subject's colours are learnt only where the map is
surer than this: above a head near the edge it falls too slowly, and the ground there would be
learnt as subject and kept like a chimney."""
WINDOW = 20
"""Pixels from a place to the border of the window in which both are learnt."""
SMALLEST = 0.02
"""Share of the window that there must be of each, else they are not known."""
SPREAD = 3e-4
"""Variance of a colour (Lab's hundredths) that is added to what was learnt."""
MOST = 6.0
"""What colours have to say is bounded by this (a natural logarithm), so is the map, by 2% and 98%.
"""
LIKELY = 2.0
"""From here on a place is ground. Over half of the validation split's masks with a subject, the IoU
rose from 0.833 to 0.837 with 2, and what is kept fell from 0.972 to 0.967; with 0, to 0.955."""
SMOOTH = 5
"""Side of the window over which the decision is averaged, in pixels."""
FRAGMENT = 0.15
"""Share of the largest part below which another part is none, unless it has a face. Of 131 masks of
the validation split three had such parts, all of them ground; four of fifty others, at least three.
"""


def trimmed(
    picture: NDArray[np.uint8],
    soft: NDArray[np.float32],
    map_: NDArray[np.float32],
    faces: Sequence[Face] = (),
) -> NDArray[np.float32]:
    """Take off a soft mask's edge what the colours nearby and the map together call ground.

    As the local classifiers of Video SnapCut (Bai et al. 2009): two normal distributions of
    colours in a window about each place. Where subject and ground are alike, as dark on dark, their
    likelihoods are, too, and nothing is trimmed. Nothing is ever added, and faces stay.

    Args:
        picture: uint8, H×W×3, RGB.
        soft: float32, H×W, the prediction in [0, 1], 1 = subject.
        map_: float32 in [0, 1], any size: how probably each place is subject.
        faces: In the picture's pixels.

    Returns:
        float32, H×W, in [0, 1]; `soft` itself where nothing is trimmed.
    """
    small, factor = reduced(picture)
    height, width = small.shape[:2]
    before = resize(soft, height, width) * 255 >= THRESHOLD
    probability = np.clip(resize(map_, height, width), 0.02, 0.98)
    safe = np.zeros_like(before)
    for face in faces:
        safe |= face.moved(factor).ellipse((height, width))
    ground = _ground(small, before, probability, safe)
    if not ground.any():
        return soft
    return np.minimum(soft, moved_towards(picture, soft, small, before, before & ~ground))


def without_fragments(soft: NDArray[np.float32], faces: Sequence[Face] = ()) -> NDArray[np.float32]:
    """Leave out the parts of a soft mask that are small beside the largest and have no face.

    Args:
        soft: float32, H×W, in [0, 1], 1 = subject.
        faces: In its pixels.

    Returns:
        float32, H×W, in [0, 1]; `soft` itself where there are none.
    """
    subject = soft * 255 >= THRESHOLD
    _, parts, areas = components_of(subject, connectivity=8)
    fragment = np.append(False, areas < FRAGMENT * areas.max(initial=0))
    for face in faces:
        fragment[np.unique(parts[face.ellipse(subject.shape)])] = False
    return np.where(fragment[parts], np.float32(0), soft) if fragment.any() else soft


def _ground(
    picture: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    probability: NDArray[np.float32],
    safe: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return what of a mask is ground that reaches in from outside: bool, H×W."""
    import cv2

    inside = np.pad(mask.astype(np.uint8), 1)  # the picture's edge is an edge like any other
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    edge = mask & (depth <= DEPTH) & ~safe
    if not edge.any() or mask.all():
        return np.zeros_like(mask)
    colours = cv2.cvtColor(picture.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB) / 100
    sure = probability > SURE
    sure[FRAME:-FRAME, FRAME:-FRAME] = True
    of_subject = _likelihood(colours, (depth > INSIDE) & sure, edge)
    of_ground = _likelihood(colours, away > OUTSIDE, edge)
    told = np.nan_to_num(np.clip(of_ground - of_subject, -MOST, MOST), nan=0.0)
    score = np.zeros(mask.shape, np.float32)
    score[edge] = told - np.log(probability / (1 - probability))[edge]
    share = box_mean(edge.astype(np.float32), SMOOTH)
    found = edge & (box_mean(score, SMOOTH) > LIKELY * share)
    found = reached(found, ~mask)
    core = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return np.asarray((core > 0) | (found & (depth <= 2)))


def _likelihood(
    colours: NDArray[np.float32], known: NDArray[np.bool_], edge: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return the log-likelihood of each edge pixel's colour among the known ones about it.

    float32, one for each pixel of the edge but for a constant; NaN where too few are known.
    """
    weight = known.astype(np.float32)
    side = 2 * WINDOW + 1
    share = box_mean(weight, side)[edge]
    rows, columns = np.triu_indices(3)
    pairs = colours[..., rows] * colours[..., columns]
    moments = box_mean(np.concatenate([colours, pairs], axis=-1) * weight[..., None], side)[edge]
    means = moments / np.maximum(share, 1e-4)[:, None]
    middle = means[:, :3]
    spread = np.empty((len(middle), 3, 3), np.float32)
    spread[:, rows, columns] = means[:, 3:] - middle[:, rows] * middle[:, columns]
    spread[:, columns, rows] = spread[:, rows, columns]
    spread += SPREAD * np.eye(3, dtype=np.float32)
    apart = colours[edge] - middle
    distance = (apart * np.linalg.solve(spread, apart[..., None])[..., 0]).sum(axis=-1)
    volume = np.log(np.maximum(np.linalg.det(spread), 1e-12))
    return np.where(share > SMALLEST, -(distance + volume) / 2, np.nan).astype(np.float32)
