"""Which other default boxes would fit the boxes of a dataset better."""
from typing import NamedTuple

import numpy as np

from src.boxes.anchor_fit import SAME_SHARE, best_overlaps, sample_boxes, share_below
from src.boxes.default_boxes import DefaultBoxes

# Boxes that other default boxes are tried on: enough for a share in percent.
TRIED_BOXES = 1000
# Other default boxes are suggested if they lower the share of badly fitting boxes by at least this.
WORTH_A_CHANGE = 0.03


class Suggestion(NamedTuple):
    """Other default boxes: flags of the command line that choose them, and the share of boxes that fits them badly."""

    flags: str
    share: float


def suggest_anchors(default_boxes: DefaultBoxes, boxes: np.ndarray, seed: int) -> Suggestion | None:
    """The variant that the fewest boxes `(N, 4)` fit badly, or None where none is much better than what there is."""
    boxes = sample_boxes(boxes, TRIED_BOXES, seed)
    if not len(boxes):
        return None
    share = share_below(best_overlaps(boxes, default_boxes.anchors()))
    if share < WORTH_A_CHANGE:
        return None
    tried = [Suggestion(flags, share_below(best_overlaps(boxes, other.anchors())))
             for flags, other in default_boxes.variants()]
    least = min(one.share for one in tried)
    # The first of about equally good ones: crops of the augmentation make boxes larger, so large ones shall stay.
    best = next(one for one in tried if one.share <= least + SAME_SHARE)
    return best if best.share <= share - WORTH_A_CHANGE else None
