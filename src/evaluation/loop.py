"""The one evaluation loop: any callable that predicts, any batches."""
import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from tqdm import tqdm

from src.utils.errors import UserError

logger = logging.getLogger(__name__)


def evaluate(predict, batches, metrics, batch_size, num_batches=None):
    """Predicts all batches and gives the predictions to `metrics`, those of one batch while the next is predicted.

    Args:
        predict: callable from images (batch_size, 3, H, W) to boxes (batch_size, A, 4) `ymin xmin ymax xmax` in [0, 1]
            and scores (batch_size, A, C), as NumPy arrays. With a true attribute `needs_image_shapes`, it is called
            with the sizes of the original images (batch_size, 2) as well.
        batches: iterable of dictionaries of NumPy arrays: `image` (B, 3, H, W), `img_id` (B,), `image_shape` (B, 2)
            height and width of the original image. B may be smaller than `batch_size` in any of them: such a batch is
            filled up with its last image, so that a compiled network sees one shape only.
        metrics: `COCOMetrics`, or anything with the same `update` and `get_metrics`; `update` is called in the order of
            the batches, from another thread.
        batch_size: number of images that `predict` takes.
        num_batches: for the progress bar, where `batches` has no length.

    Returns:
        Result of `metrics.get_metrics()`.

    Raises:
        UserError: there are no batches, or the predictions do not fit.
    """
    num_images, network_time = 0, 0.0
    start = time.perf_counter()
    bar = tqdm(batches, total=num_batches or _length(batches), desc="evaluating", unit="batch", file=sys.stderr,
               disable=not sys.stderr.isatty())
    # One batch at most waits for its post-processing: the predictions of a large network are many megabytes.
    with ThreadPoolExecutor(max_workers=1) as post_processing:
        updated = None
        for batch in bar:
            images, image_ids = batch["image"], np.asarray(batch["img_id"]).reshape(-1)
            count = len(image_ids)
            image_shapes = np.asarray(batch["image_shape"]).reshape(count, 2)
            inputs = [images, image_shapes] if getattr(predict, "needs_image_shapes", False) else [images]
            before = time.perf_counter()
            boxes, scores = predict(*(_padded(array, batch_size) for array in inputs))
            network_time += time.perf_counter() - before
            _check_predictions(boxes, scores, batch_size)
            if updated:
                updated.result()
            updated = post_processing.submit(metrics.update, boxes[:count], scores[:count], image_ids, image_shapes)
            num_images += count
        if updated:
            updated.result()
    if not num_images:
        raise UserError("there are no images to evaluate: the evaluation dataset is empty")
    seconds = time.perf_counter() - start
    logger.info("predicted %d images in %.1f s, %.1f images per second (network alone %.1f)",
                num_images, seconds, num_images / max(seconds, 1e-9), num_images / max(network_time, 1e-9))
    return metrics.get_metrics()


def _length(batches):
    try:
        return len(batches)
    except TypeError:
        return None


def _check_predictions(boxes, scores, batch_size):
    for name, array in (("boxes", boxes), ("scores", scores)):
        if np.ndim(array) != 3 or len(array) != batch_size:
            raise UserError(f"the network gives {name} of the shape {np.shape(array)} for {batch_size} images, "
                            f"expected ({batch_size}, anchors, {'4' if name == 'boxes' else 'classes'})")


def _padded(images, batch_size):
    """Fills up a batch (B, ...) to `batch_size` with its last image."""
    missing = batch_size - len(images)
    if missing < 0:
        raise UserError(f"a batch of {len(images)} images, but the network takes {batch_size}: set batch_size to the "
                        "one of the model")
    if missing == 0:
        return images
    return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])
