"""Single images of the configured data, beside the batches of training and evaluation."""
import numpy as np

from src.dataset import build_input_format, load_image, preprocess
from src.dataset.shapes import draw_image
from src.dataset.sources import create_records
from src.utils.errors import UserError


def create_image_paths(config, is_training, count=None):
    """Paths of the images of the training or the evaluation data; with `count`, so many spread over all of them."""
    paths = sorted({record.path for record in create_records(config, is_training)})
    if count is None or count >= len(paths):
        return paths
    return [paths[index * len(paths) // count] for index in range(count)]


def create_inputs(config, paths):
    """Generator of image files as the network takes them: `(3, H, W)` float32."""
    return _create_inputs(config, map(load_image, paths))


def _create_inputs(config, images):
    input_format = build_input_format(config)
    return (preprocess(image, config.img_shape, input_format=input_format) for image in images)


def create_seeded_inputs(config, count):
    """`count` images of random values as the network takes them, `(count, 3, H, W)` float32."""
    levels = np.random.default_rng(config.seed).integers(0, 256, (count, *config.img_shape, 3), np.uint8)
    return np.stack(list(_create_inputs(config, levels)))


def create_real_inputs(config, count):
    """`count` images as the network takes them, `(count, 3, H, W)` float32, and what they are, as text.

    They are images of the evaluation data, or where these are not there, drawn ones.
    """
    try:
        paths, kind = create_image_paths(config, is_training=False, count=count), "images of the evaluation data"
        images = map(load_image, paths)
    except UserError:
        images, kind = (draw_image(index, image_id=1 + index)[0] for index in range(count)), "drawn images"
    return np.stack(list(_create_inputs(config, images))), kind
