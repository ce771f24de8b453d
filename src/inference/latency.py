"""Speed of whole images: pre-processing, network and post-processing, apart and together."""
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import cv2
import numpy as np

from src.boxes import NMSConfig, build_nms_config
from src.config import Config
from src.dataset import build_input_format, decode_image, preprocess
from src.dataset.samples import usable_images
from src.dataset.transforms import InputFormat, resize
from src.inference.predictor import Predictor
from src.runtime.environment import available_cores
from src.utils.errors import UserError
from src.utils.safe_io import read_file

STAGES = ("pre-processing", "network", "post-processing")
PERCENTILES = (50, 90, 99)
WARM_UP = 2  # batches
BATCH_SIZES = (1, 32)  # unless the file or the user fixes them


class Latencies(NamedTuple):
    """Measured times.

    Attributes:
        batch_size: number of images of a batch.
        threads: of each stage.
        seconds: `(batches, 4)` float64, of the three stages and together.
    """

    batch_size: int
    threads: int
    seconds: np.ndarray

    @property
    def images_per_second(self) -> float:
        return self.batch_size * len(self.seconds) / self.seconds[:, -1].sum()


class Pipeline:
    """From the contents of image files to detections, stage by stage. A context manager, for its threads.

    The images of a batch are decoded, and their detections are selected, by several threads. Where the predictor runs
    the images of a batch apart, each thread takes an image through all stages instead, and the time of a stage is that
    of all threads divided by their number.

    Args:
        predictor: the model.
        image_size: height and width of its input.
        input_format: how its input is normalised.
        nms: limits of post-processing.
        threads: their number.
    """

    def __init__(
        self, predictor: Predictor, image_size: Sequence[int], input_format: InputFormat, nms: NMSConfig, threads: int
    ) -> None:
        self.predictor = predictor
        # The same on one thread, for the images of a batch one by one.
        self.single = predictor.with_threads(1) if predictor.runs_images_apart else None
        self.image_size = image_size
        self.input_format = input_format
        self.nms = nms
        self.threads = threads
        self.pool = ThreadPoolExecutor(threads)

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown()

    def run(self, contents: Sequence[bytes]) -> np.ndarray:
        """Contents of image files -> `(4,)` seconds of the stages and together."""
        start = time.perf_counter()
        single = self.single
        if single is not None and len(contents) > 1:
            stages = list(self.pool.map(lambda content: self._run_stages(single, [content], map), contents))
            seconds = np.sum(stages, axis=0) / self.threads
        else:
            seconds = self._run_stages(self.predictor, contents, self.pool.map)
        return np.append(seconds, time.perf_counter() - start)

    def _run_stages(
        self, predictor: Predictor, contents: Sequence[bytes], for_each: Callable[..., Iterable[Any]]
    ) -> np.ndarray:
        """`(3,)` seconds; `for_each`: `map`, or that of a pool."""
        start = time.perf_counter()
        images, image_shapes = zip(*for_each(self._prepare, contents))
        batch, shapes = np.stack(images), np.array(image_shapes, np.float32)
        ready = time.perf_counter()
        predictions = predictor(batch, shapes)
        predicted = time.perf_counter()
        list(for_each(lambda found, image_shape: found.select(image_shape, self.nms), predictions, image_shapes))
        return np.diff([start, ready, predicted, time.perf_counter()])

    def _prepare(self, content: bytes) -> tuple[np.ndarray, tuple[int, ...]]:
        image = decode_image(content)
        if self.predictor.takes_pixels:
            return resize(image, self.image_size), image.shape[:2]
        return preprocess(image, self.image_size, input_format=self.input_format), image.shape[:2]


def measure(pipeline: Pipeline, contents: Sequence[bytes], batch_size: int, num_images: int) -> Latencies:
    """The latencies over about `num_images` images, after a warm-up; `contents` are repeated as often as needed."""
    seconds = []
    for batch in range(WARM_UP + max(1, -(-num_images // batch_size))):
        chosen = [contents[(batch * batch_size + index) % len(contents)] for index in range(batch_size)]
        seconds.append(pipeline.run(chosen))
    return Latencies(batch_size, pipeline.threads, np.array(seconds[WARM_UP:]))


def format_latencies(measured: Iterable[Latencies]) -> str:
    """Table: for each measurement the throughput, and the latency of a batch by stage."""
    lines = [f"{'batch':>5}  {'threads':>7}  {'images/s':>8}  {'latency of a batch, ms':<22}  "
             + "  ".join(f"{f'{percent} %':>8}" for percent in PERCENTILES)]
    for one in measured:
        for name, seconds in zip((*STAGES, "together"), one.seconds.T):
            numbers = f"{one.batch_size:5d}  {one.threads:7d}  {one.images_per_second:8.1f}"
            percentiles = "  ".join(f"{1000 * value:8.2f}" for value in np.percentile(seconds, PERCENTILES))
            lines.append(f"{numbers if name == STAGES[0] else '':24}  {name:<22}  {percentiles}")
    return "\n".join(lines)


def measure_latencies(config: Config, predictor: Predictor) -> list[Latencies]:
    """Measures the evaluation images at the batch sizes and numbers of threads that the configuration names."""
    contents = [read_file(path)
                for path, _ in usable_images(config, is_training=False, count=config.benchmark_images)]
    cv2.setNumThreads(1)  # several images at a time are the parallelism
    measured = []
    for threads in config.benchmark_threads or (config.cpu_threads or available_cores(),):
        model = predictor.with_threads(threads)
        sizes = _batch_sizes(model, config.benchmark_batch_sizes)
        with Pipeline(model, config.img_shape, build_input_format(config), build_nms_config(config),
                      threads) as pipeline:
            measured += [measure(pipeline, contents, size, config.benchmark_images) for size in sizes]
    return measured


def _batch_sizes(predictor: Predictor, wanted: Sequence[int]) -> Sequence[int]:
    fixed = predictor.input_shape[0]
    if fixed is None:
        return wanted or BATCH_SIZES
    if any(size != fixed for size in wanted):
        raise UserError(f"{predictor.path} takes {fixed} images at a time: leave benchmark_batch_sizes out, or export "
                        "the model with --dynamic_batch")
    return (fixed,)
