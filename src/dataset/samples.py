"""Single images of the configured data, beside the batches of training and evaluation."""
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from src.dataset.images import load_image, preprocess
from src.dataset.shapes import draw_image
from src.dataset.sources import read_annotations
from src.dataset.transforms import build_input_format
from src.utils.errors import UserError


def list_image_paths(config: Any, is_training: bool, count: int | None = None) -> list[str]:
    """Paths of the images of the training or the evaluation data; with `count`, so many spread over all of them."""
    paths = sorted({record.path for record in read_annotations(config, is_training)})
    if count is None or count >= len(paths):
        return paths
    return [paths[index * len(paths) // count] for index in range(count)]


def create_inputs(config: Any, paths: Iterable[Path | str]) -> Iterator[np.ndarray]:
    """One by one the image files as the network takes them: `(3, H, W)` float32."""
    return _create_inputs(config, map(load_image, paths))


def _create_inputs(config: Any, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    input_format = build_input_format(config)
    return (preprocess(image, config.img_shape, input_format=input_format) for image in images)


def create_seeded_inputs(config: Any, count: int) -> np.ndarray:
    """`count` images of random values as the network takes them, `(count, 3, H, W)` float32."""
    images = np.random.default_rng(config.seed).integers(0, 256, (count, *config.img_shape, 3), np.uint8)
    return np.stack(list(_create_inputs(config, images)))


def create_real_inputs(config: Any, count: int) -> tuple[np.ndarray, str]:
    """`count` images as the network takes them, `(count, 3, H, W)` float32, and what they are, as text.

    They are images of the evaluation data or, where these are missing, drawn ones.
    """
    images: Iterable[np.ndarray]
    try:
        images = map(load_image, list_image_paths(config, is_training=False, count=count))
        kind = "images of the evaluation data"
    except UserError:
        images = (draw_image(index, image_id=1 + index)[0] for index in range(count))
        kind = "drawn images"
    return np.stack(list(_create_inputs(config, images))), kind
