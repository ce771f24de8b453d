"""Single images of the configured data, beside the batches of training and evaluation."""
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from src.dataset.exif import is_upright
from src.dataset.images import load_image, preprocess
from src.dataset.shapes import draw_image
from src.dataset.sources import read_annotations
from src.dataset.transforms import build_input_format
from src.utils.errors import UserError
from src.utils.safe_io import shown

logger = logging.getLogger(__name__)


def list_image_paths(config: Any, is_training: bool) -> list[str]:
    """Paths of the images of the training or the evaluation data, sorted."""
    return sorted({record.path for record in read_annotations(config, is_training)})


def spread(paths: Sequence[str], count: int) -> list[str]:
    """All of `paths`; the first `count` of them are spread over all, the others come behind."""
    first = dict.fromkeys(paths[index * len(paths) // count] for index in range(count)) if paths else {}
    return [*first, *(path for path in paths if path not in first)]


def usable_images(config: Any, is_training: bool, count: int) -> Iterator[tuple[str, np.ndarray]]:
    """Up to `count` images of the data, spread over them, one by one: path, uint8 `(H, W, 3)` RGB.

    Images that cannot be read are passed over with a warning, and others take their places.

    Raises:
        UserError: none of the images can be read.
    """
    paths = list_image_paths(config, is_training)
    unread, used = 0, 0
    for path in spread(paths, count):
        if used == count:
            break
        try:
            image = load_image(path, is_upright(config))
        except UserError as error:
            unread += 1
            if unread == 1:
                logger.warning("passed over: %s", error)
            continue
        used += 1
        yield path, image
    if unread > 1:
        logger.warning("passed over: %d images that cannot be read", unread)
    if not used:
        raise UserError(f"none of the {len(paths)} images of the {'training' if is_training else 'evaluation'} data "
                        f"can be read, such as {shown(paths[0]) if paths else 'none'}")


def create_inputs(config: Any, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """One by one images `(H, W, 3)` uint8 as the network takes them: `(3, H, W)` float32."""
    input_format = build_input_format(config)
    return (preprocess(image, config.img_shape, input_format=input_format) for image in images)


def create_calibration_inputs(config: Any) -> Iterator[np.ndarray]:
    """One by one `calibration_images` training images as the network takes them: `(3, H, W)` float32."""
    return create_inputs(config, (image for _, image in usable_images(config, True, config.calibration_images)))


def create_seeded_inputs(config: Any, count: int) -> np.ndarray:
    """`count` images of random values as the network takes them, `(count, 3, H, W)` float32."""
    images = np.random.default_rng(config.seed).integers(0, 256, (count, *config.img_shape, 3), np.uint8)
    return np.stack(list(create_inputs(config, images)))


def create_real_inputs(config: Any, count: int) -> tuple[np.ndarray, str]:
    """Images as the network takes them, `(N, 3, H, W)` float32, and what they are, as text.

    They are up to `count` images of the evaluation data or, where none of these can be read, `count` drawn ones.
    """
    try:
        images = [image for _, image in usable_images(config, is_training=False, count=count)]
        kind = "images of the evaluation data"
    except UserError:
        images = [draw_image(index, image_id=1 + index)[0] for index in range(count)]
        kind = "drawn images"
    return np.stack(list(create_inputs(config, images))), kind
