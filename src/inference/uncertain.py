"""Which images are worth annotating first: those of which a detector is least certain, and that differ most."""
from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

# Detections of an image that tell how uncertain it is.
_MOST_DETECTIONS = 3
# Side of the small view of an image, pixels.
_VIEW_SIDE = 8
# So many images are chosen one by one, to differ from those before; the others follow by their uncertainty.
_MOST_CHOSEN = 1000


def closeness(scores: np.ndarray, threshold: float) -> np.ndarray:
    """(D,) scores -> (D,) how near each is to the threshold: 1 there, 0 at the scores 0 and 1."""
    below = scores / max(threshold, 1e-6)
    above = (1 - scores) / max(1 - threshold, 1e-6)
    return np.clip(np.minimum(below, above), 0, 1)


def uncertainty(scores: np.ndarray, threshold: float) -> float:
    """How uncertain the detections (D,) of an image are: the mean of the three that are nearest to the threshold, where
    missing ones count as certain. From 0 to 1."""
    nearest = np.sort(closeness(scores, threshold))[::-1][:_MOST_DETECTIONS]
    return float(nearest.sum()) / _MOST_DETECTIONS


def small_view(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> (192,) float32 in [0, 1]: colours and their places, to compare images by."""
    return cv2.resize(image, (_VIEW_SIDE, _VIEW_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32).ravel() / 255


def rank_images(uncertainties: Sequence[float], views: Sequence[np.ndarray]) -> list[tuple[int, float]]:
    """The order in which images are worth annotating.

    First comes the most uncertain one, then one by one that with the highest sum of its uncertainty and of its distance
    to the most similar one before; both count from 0 to 1.

    Args:
        uncertainties: of N images.
        views: `small_view` of each.

    Returns:
        N pairs: index of the image, its distance to the most similar one before.
    """
    if not len(uncertainties):
        return []
    unsure = np.asarray(uncertainties, np.float64)
    unsure = unsure / max(unsure.max(), 1e-9)
    table = np.stack(views)
    nearest = np.full(len(unsure), np.inf)
    largest = 0.0
    left = np.ones(len(unsure), bool)
    order: list[tuple[int, float]] = []
    for _ in range(min(len(unsure), _MOST_CHOSEN)):
        distance = np.minimum(nearest / largest, 1) if largest else np.ones(len(unsure))
        best = int(np.where(left, unsure + distance, -1).argmax())
        order.append((best, float(distance[best])))
        left[best] = False
        nearest = np.minimum(nearest, np.sqrt(np.mean((table - table[best]) ** 2, axis=1)))
        largest = largest or float(nearest.max())
    distance = np.minimum(nearest / largest, 1) if largest else np.zeros(len(unsure))
    rest = sorted(np.flatnonzero(left).tolist(), key=lambda index: -unsure[index])
    return [*order, *((index, float(distance[index])) for index in rest)]
