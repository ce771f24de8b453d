"""The one evaluation loop: any callable that predicts, any batches."""
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import numpy as np

from src.evaluation.predictions import Predictions
from src.utils.errors import UserError
from src.utils.progress import progress

logger = logging.getLogger(__name__)


Result = TypeVar("Result", covariant=True)
# Images (B, 3, H, W) and the sizes of the original images (B, 2) -> the predictions for each image.
Predict = Callable[[np.ndarray, np.ndarray], Sequence[Predictions]]


class Metrics(Protocol[Result]):
    """What predictions are given to, such as `COCOMetrics`."""

    def update(self, predictions: Sequence[Predictions], image_ids: np.ndarray, image_shapes: np.ndarray) -> None: ...

    def get_metrics(self) -> Result: ...


def evaluate(
    predict: Predict, batches: Iterable[Mapping[str, np.ndarray]], metrics: Metrics[Result], batch_size: int,
    num_images: int | None = None,
) -> Result:
    """Predicts all batches. `metrics` gets the predictions of one batch while the next is predicted.

    Args:
        predict: callable from images (batch_size, 3, H, W), and the sizes of the original images (batch_size, 2), to
            the predictions for each of them.
        batches: iterable of dictionaries of NumPy arrays: `image` (B, 3, H, W), `img_id` (B,), `image_shape` (B, 2)
            height and width of the original image. B may be smaller than `batch_size` in any of them: such a batch is
            filled up with its last image, so that a compiled network sees one shape only.
        metrics: `update` is called in the order of the batches, from another thread.
        batch_size: number of images that `predict` takes.
        num_images: for the progress; None where it is not known.

    Returns:
        Result of `metrics.get_metrics()`.

    Raises:
        UserError: there are no batches, or the predictions do not fit.
    """
    done, network_time = 0, 0.0
    start = time.perf_counter()
    # One batch at most waits for its post-processing: the predictions of a large network are many megabytes.
    with (ThreadPoolExecutor(max_workers=1) as post_processing,
          progress("evaluating", num_images, "image", tells_end=False) as advance):
        updated = None
        for batch in batches:
            images, image_ids = batch["image"], np.asarray(batch["img_id"]).reshape(-1)
            count = len(image_ids)
            image_shapes = np.asarray(batch["image_shape"]).reshape(count, 2)
            inputs = _padded(images, batch_size), _padded(image_shapes, batch_size)
            before = time.perf_counter()
            predictions = predict(*inputs)
            network_time += time.perf_counter() - before
            if len(predictions) != batch_size:
                raise UserError(f"the network gives predictions for {len(predictions)} images, expected {batch_size}: "
                                "set batch_size to the one of the model")
            if updated:
                updated.result()
            updated = post_processing.submit(metrics.update, predictions[:count], image_ids, image_shapes)
            done += count
            advance(count)
        if updated:
            updated.result()
    if not done:
        raise UserError("there are no images to evaluate: the evaluation dataset is empty")
    seconds = time.perf_counter() - start
    logger.info("predicted %d images in %.1f s, %.1f images per second (network alone %.1f)",
                done, seconds, done / max(seconds, 1e-9), done / max(network_time, 1e-9))
    return metrics.get_metrics()


def _padded(images: np.ndarray, batch_size: int) -> np.ndarray:
    """Fills up a batch (B, ...) to `batch_size` with its last image."""
    missing = batch_size - len(images)
    if missing < 0:
        raise UserError(f"a batch of {len(images)} images, but the network takes {batch_size}: set batch_size to the "
                        "one of the model")
    if missing == 0:
        return images
    return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])
