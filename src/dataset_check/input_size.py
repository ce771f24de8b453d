"""The input size that `input_size: auto` stands for."""
import dataclasses
import logging
from collections.abc import Sequence

import numpy as np

from src.boxes.default_boxes import build_default_boxes
from src.config import Config
from src.dataset.annotations import ImageRecord, Report
from src.dataset.images import read_image_size
from src.dataset.sources import find_source
from src.dataset_check.anchor_fit import SAME_SHARE, best_overlaps, sample_boxes, share_below
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
# Sides of square inputs that are tried beside that of img_shape; larger ones cost more than they bring.
INPUT_SIDES = (384, 512)
IMAGES, BOXES = 500, 2000


def with_input_size(config: Config) -> Config:
    """The configuration with the input size that `input_size: auto` asks for; without `auto`, the same configuration.

    It is the smallest whose default boxes fit the boxes of the training data as well as those of the best. A larger
    input has smaller default boxes, in fractions of the image, and takes longer.

    Raises:
        UserError: the default boxes of another input do not follow from the configuration.
    """
    if not config.is_auto("input_size"):
        return config
    boxes = build_default_boxes(config)
    own = max(config.img_shape)
    try:
        choices = {side: boxes.for_input(side) for side in (own, *(side for side in INPUT_SIDES if side > own))}
    except ValueError as error:
        raise UserError(f"input_size: auto, but {error}; set input_size to 0") from None
    records = find_source(config, is_training=True).read(Report())
    sample = sample_boxes(relative_boxes(records, config.seed), BOXES, config.seed)
    shares = {}
    for side, values in choices.items():
        anchors = build_default_boxes(dataclasses.replace(config, **values)).anchors()
        shares[side] = share_below(best_overlaps(sample, anchors))
    side = min(side for side in shares if shares[side] <= min(shares.values()) + SAME_SHARE)
    logger.info("input_size: %d; boxes of the training data whose IoU with every default box is below 0.5: %s", side,
                ", ".join(f"{100 * share:.0f} % with {other}" for other, share in shares.items()))
    values = choices[side]
    number = build_default_boxes(dataclasses.replace(config, **values)).num_boxes
    return dataclasses.replace(config, **values, input_size=side, num_ssd_boxes=number)


def relative_boxes(records: Sequence[ImageRecord], seed: int) -> np.ndarray:
    """Boxes of at most 500 of the images, `(N, 4)` float64: ymin, xmin, ymax, xmax in [0, 1]; only those with an area.

    Images that cannot be read are left out.
    """
    order = np.random.default_rng(seed).permutation(len(records))[:IMAGES]
    found = [np.zeros((0, 4))]
    for record in (records[index] for index in order):
        try:
            size = record.size or read_image_size(record.path)
        except UserError:  # the conversion says so
            continue
        found.append(record.pixel_boxes[:, :4] / np.tile(size, 2))
    boxes = np.clip(np.concatenate(found), 0, 1)
    return boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]
