"""Speed of whole images: pre-processing, network and post-processing, apart and together."""
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from src.boxes import build_nms_config, select_detections
from src.dataset import build_input_format, decode_image, preprocess
from src.dataset.samples import list_image_paths
from src.dataset.transforms import resize
from src.runtime.environment import available_cores
from src.utils.errors import UserError

STAGES = ("pre-processing", "network", "post-processing")
PERCENTILES = (50, 90, 99)
WARM_UP = 2  # batches
BATCH_SIZES = (1, 32)  # where neither the file nor the user says which


class Speed(NamedTuple):
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
    def images_per_second(self):
        return self.batch_size * len(self.seconds) / self.seconds[:, -1].sum()


class Pipeline:
    """From the contents of image files to detections, stage by stage.

    The images of a batch are decoded, and their detections are selected, by several threads. With `single`, each thread
    takes an image through all stages instead, and the time of a stage is that of all threads divided by their number.

    Args:
        model: what predicts, see `src.inference.predictor`.
        single: the same on one thread, for the images of a batch one by one; None for whole batches.
        image_size: height and width of its input.
        input_format: its `InputFormat`.
        nms: `NMSConfig`.
        threads: their number.
    """

    def __init__(self, model, single, image_size, input_format, nms, threads):
        self.model = model
        self.single = single
        self.image_size = image_size
        self.input_format = input_format
        self.nms = nms
        self.threads = threads
        self.pool = ThreadPoolExecutor(threads)

    def run(self, contents):
        """Contents of image files (list of bytes) -> `(4,)` seconds of the stages and together."""
        start = time.perf_counter()
        if self.single is not None and len(contents) > 1:
            stages = list(self.pool.map(lambda content: self._run_stages(self.single, [content], map), contents))
            seconds = np.sum(stages, axis=0) / self.threads
        else:
            seconds = self._run_stages(self.model, contents, self.pool.map)
        return np.append(seconds, time.perf_counter() - start)

    def _run_stages(self, model, contents, for_each):
        """`(3,)` seconds; `for_each`: `map`, or that of a pool."""
        start = time.perf_counter()
        images, image_shapes = zip(*for_each(self._prepare, contents))
        inputs = [np.stack(images)]
        if getattr(model, "needs_image_shapes", False):
            inputs.append(np.array(image_shapes, np.float32))
        ready = time.perf_counter()
        # A file's own inputs, without the detours that let every file pass the evaluation loop.
        outputs = model.run(*inputs) if hasattr(model, "run") else model(*inputs)
        predicted = time.perf_counter()
        if len(inputs) == 1:
            list(for_each(self._select, *outputs, image_shapes))
        return np.diff([start, ready, predicted, time.perf_counter()])

    def _prepare(self, content):
        image = decode_image(content)
        if getattr(self.model, "takes_levels", False):
            return resize(image, self.image_size), image.shape[:2]
        return preprocess(image, self.image_size, input_format=self.input_format), image.shape[:2]

    def _select(self, boxes, scores, image_shape):
        return select_detections(boxes, scores, image_shape, self.nms)


def measure(pipeline, contents, batch_size, num_images):
    """`Speed` over about `num_images` images, after a warm-up; `contents` are repeated as often as needed."""
    seconds = []
    for batch in range(WARM_UP + max(1, -(-num_images // batch_size))):
        chosen = [contents[(batch * batch_size + index) % len(contents)] for index in range(batch_size)]
        seconds.append(pipeline.run(chosen))
    return Speed(batch_size, pipeline.threads, np.array(seconds[WARM_UP:]))


def format_speeds(speeds):
    """Table: for each measurement the throughput, and the latency of a batch by stage."""
    lines = [f"{'batch':>5}  {'threads':>7}  {'images/s':>8}  {'latency of a batch, ms':<22}  "
             + "  ".join(f"{f'{percent} %':>8}" for percent in PERCENTILES)]
    for speed in speeds:
        for name, seconds in zip((*STAGES, "together"), speed.seconds.T):
            numbers = f"{speed.batch_size:5d}  {speed.threads:7d}  {speed.images_per_second:8.1f}"
            latencies = "  ".join(f"{1000 * value:8.2f}" for value in np.percentile(seconds, PERCENTILES))
            lines.append(f"{numbers if name == STAGES[0] else '':24}  {name:<22}  {latencies}")
    return "\n".join(lines)


def create_benchmark(config, load):
    """Measures the evaluation images at the batch sizes and numbers of threads that the configuration names.

    Args:
        config: the configuration.
        load: function from a number of threads to what predicts.

    Returns:
        List of `Speed`.
    """
    paths = list_image_paths(config, is_training=False, count=config.benchmark_images)
    contents = [Path(path).read_bytes() for path in paths]
    cv2.setNumThreads(1)  # several images at a time are the parallelism
    speeds = []
    for threads in config.benchmark_threads or (config.cpu_threads or available_cores(),):
        model = load(threads)
        single = load(1) if getattr(model, "runs_images_apart", False) else None
        pipeline = Pipeline(model, single, config.img_shape, build_input_format(config), build_nms_config(config),
                            threads)
        sizes = _batch_sizes(model, config.benchmark_batch_sizes)
        with pipeline.pool:
            speeds += [measure(pipeline, contents, size, config.benchmark_images) for size in sizes]
    return speeds


def _batch_sizes(model, wanted):
    fixed = model.input_shape[0] if hasattr(model, "input_shape") else None
    if fixed is None:
        return wanted or BATCH_SIZES
    if any(size != fixed for size in wanted):
        raise UserError(f"{model.path} takes {fixed} images at a time: leave benchmark_batch_sizes out, or export the "
                        "model with --dynamic_batch")
    return (fixed,)
