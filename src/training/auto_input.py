"""What `auto` leaves open and the sizes of the objects decide: `input_size` and `scale_jitter`."""
import dataclasses
import logging
from collections.abc import Sequence

import numpy as np

from src.boxes.anchor_fit import SAME_SHARE, best_overlaps, sample_boxes, share_below
from src.boxes.default_boxes import build_default_boxes
from src.config import Config
from src.dataset.annotations import ImageRecord, Report
from src.dataset.found_file import FoundFile
from src.dataset.images import read_image_size
from src.dataset.sources import find_source
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
# Sides of square inputs that are tried beside that of img_shape; larger ones cost more than they bring.
INPUT_SIDES = (384, 512)
IMAGES, BOXES = 500, 2000
# Objects whose spread of sizes is smaller keep their size, but for this zoom. Blood cells have 0.14, raccoons 0.33.
LARGEST_SPREAD, ZOOM = 0.2, (0.7, 1.4)


def with_choices_by_size(config: Config) -> Config:
    """The configuration with `input_size` and `scale_jitter` where they are `auto`; without, the same configuration.

    Raises:
        UserError: the default boxes of another input do not follow from the configuration.
    """
    if not (config.is_auto("input_size") or config.is_auto("scale_jitter")):
        return config
    source, kept = find_source(config, is_training=True), FoundFile(config)
    boxes = kept.boxes(source, config.seed)
    if boxes is None:
        boxes = sample_boxes(relative_boxes(source.read(Report()), config.seed), BOXES, config.seed)
        kept.keep_boxes(source, config.seed, boxes)
    if config.is_auto("input_size"):
        config = choose_input_size(config, boxes)
    if config.is_auto("scale_jitter"):
        config = choose_scale_jitter(config, boxes)
    return config


def choose_input_size(config: Config, boxes: np.ndarray) -> Config:
    """The configuration with the smallest input whose default boxes fit the objects as well as those of the best.

    A larger input has smaller default boxes, in fractions of the image, and takes longer.

    Args:
        config: the configuration.
        boxes: result of `relative_boxes`.
    """
    default_boxes = build_default_boxes(config)
    own = max(config.img_shape)
    try:
        choices = {side: default_boxes.for_input(side) for side in (own, *(side for side in INPUT_SIDES if side > own))}
    except ValueError as error:
        raise UserError(f"input_size: auto, but {error}; set input_size to 0") from None
    resized = {side: build_default_boxes(dataclasses.replace(config, **values)) for side, values in choices.items()}
    shares = {side: share_below(best_overlaps(boxes[:, :4], one.anchors())) for side, one in resized.items()}
    side = min(side for side in shares if shares[side] <= min(shares.values()) + SAME_SHARE)
    logger.info("input_size: %d; boxes of the training data whose IoU with every default box is below 0.5: %s", side,
                ", ".join(f"{100 * share:.0f} % with {other}" for other, share in shares.items()))
    return dataclasses.replace(config, **choices[side], input_size=side, num_ssd_boxes=resized[side].num_boxes)


def choose_scale_jitter(config: Config, boxes: np.ndarray) -> Config:
    """The configuration with a gentle zoom for objects that keep their size, and the random crop for others.

    Args:
        config: the configuration.
        boxes: result of `relative_boxes`.
    """
    spread = size_spread(boxes)
    zoom = ZOOM if spread < LARGEST_SPREAD else ()
    logger.info("scale_jitter: %s, since the sizes of the objects of a class spread by %.2f", list(zoom), spread)
    return dataclasses.replace(config, scale_jitter=zoom)


def size_spread(boxes: np.ndarray) -> float:
    """The standard deviation of the logarithm of box sizes (roots of areas) within a class; infinite without boxes."""
    if not len(boxes):
        return float("inf")
    sizes = np.log((boxes[:, 2:4] - boxes[:, :2]).prod(axis=1)) / 2
    _, labels = np.unique(boxes[:, 4], return_inverse=True)
    means = np.bincount(labels, sizes) / np.bincount(labels)
    return float(np.sqrt(((sizes - means[labels]) ** 2).mean()))


def relative_boxes(records: Sequence[ImageRecord], seed: int) -> np.ndarray:
    """Boxes of at most 500 of the images, `(N, 5)` float64: ymin, xmin, ymax, xmax in [0, 1], label; with an area.

    Images that cannot be read are left out.
    """
    order = np.random.default_rng(seed).permutation(len(records))[:IMAGES]
    found = [np.zeros((0, 5))]
    for record in (records[index] for index in order):
        if record.fractions is not None:
            found.append(np.column_stack([record.fractions, record.pixel_boxes[:, 4]]))
            continue
        try:
            size = record.known_size or read_image_size(record.path, record.upright)
        except UserError:  # the conversion says so
            continue
        found.append(record.pixel_boxes / np.array([*size, *size, 1]))
    boxes = np.concatenate(found)
    boxes[:, :4] = boxes[:, :4].clip(0, 1)
    return boxes[(boxes[:, 2:4] > boxes[:, :2]).all(axis=1)]
