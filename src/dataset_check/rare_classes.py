"""Which classes are so rare that their images are worth repeating: a value for `repeat_threshold`."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from src.dataset.epoch_order import build_epoch_order

# A class is rare in fewer images than this part of those of the middle class of all.
RARE = 1 / 3
FEWEST_CLASSES = 2


class Rarity(NamedTuple):
    """A suggestion.

    Attributes:
        threshold: value of `repeat_threshold`.
        factors: how often an image of each rare label is in an epoch on average.
        longer: by which factor an epoch becomes longer.
    """

    threshold: float
    factors: dict[int, float]
    longer: float


def find_rare_classes(labels: Sequence[np.ndarray], num_classes: int) -> Rarity | None:
    """The rare classes of the training images; None where there is none.

    Args:
        labels: of the boxes of each image.
        num_classes: with the background.
    """
    in_images = np.zeros(num_classes, int)
    for of_image in labels:
        in_images[np.unique(of_image)] += 1
    with_objects = sum(bool(len(of_image)) for of_image in labels)
    found = np.flatnonzero(in_images)
    if len(found) < FEWEST_CLASSES:
        return None
    threshold = float(f"{RARE * np.median(in_images[found]) / with_objects:.2g}")
    rare = [label for label in found.tolist() if in_images[label] < threshold * with_objects]
    order = build_epoch_order([one for one in labels if len(one)], threshold, 0.0)
    if not rare or order is None:
        return None
    factors = {label: float(np.sqrt(threshold * with_objects / in_images[label])) for label in rare}
    return Rarity(threshold, factors, len(order) / with_objects)
