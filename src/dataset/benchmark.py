"""Images per second of each stage of the training pipeline."""
import functools
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.dataset.batches import BatchSettings, TrainingSettings, augment, record_boxes, record_image, seed_sample
from src.dataset.images import decode_image
from src.dataset.pipeline import AUTOMATIC, RECORD_COLUMNS, WorkerSettings, create_ssd_dataset

# Images that decoding, augmentation and encoding are measured with, again and again.
SAMPLE_IMAGES = 128
SECONDS = 3.0


class StageSpeed(NamedTuple):
    """Speed of one stage, and what worked on it."""

    stage: str
    images_per_second: float
    workers: str


def measure_stages(mindrecord_file: Path | str, settings: BatchSettings, training: TrainingSettings,
                   workers: WorkerSettings = AUTOMATIC, seconds: float = SECONDS) -> list[StageSpeed]:
    """Measures reading, decoding, cropping with augmentation, and encoding each alone, then the whole pipeline.

    Mosaics are measured with the whole pipeline only.

    Args:
        mindrecord_file, settings, training, workers: as for `create_ssd_dataset`.
        seconds: each stage is measured for at least so long.

    Returns:
        The stages in their order.
    """
    import mindspore.dataset as ds

    dataset = create_ssd_dataset(mindrecord_file, settings, training, workers)
    records = ds.MindDataset(str(mindrecord_file), columns_list=RECORD_COLUMNS, shuffle=False)
    rows = itertools.islice(records.create_dict_iterator(num_epochs=1, output_numpy=True), SAMPLE_IMAGES)
    some = [(row["image"].copy(), row["img_id"], record_boxes(row["annotation"], training.x_first)) for row in rows]
    contents, image_ids, pixel_boxes = zip(*some)
    images = [record_image(content, image_id, settings.upright) for content, image_id in zip(contents, image_ids)]
    rng, out = np.random.RandomState(), np.empty((3, *settings.image_size), np.float32)

    def augment_sample(number: int) -> np.ndarray:
        seed_sample(rng, training.seed, 0, 0, 0, number)
        return augment(images[number], pixel_boxes[number], rng, out, settings, training.augmentation)

    boxes = [augment_sample(number) for number in range(len(images))]
    counts = {
        "reading": (_rows(records, "img_id"), "MindSpore"),
        "decoding": (_calls(functools.partial(decode_image, upright=settings.upright), contents), "1 thread"),
        "crop and augmentation": (_calls(augment_sample, range(len(images))), "1 thread"),
        "encoding": (_calls(training.box_coder.encode, boxes), "1 thread"),
        "all, in batches": (_rows(dataset, "num_match"), f"{dataset.num_parallel_workers} workers"),
    }
    return [StageSpeed(stage, _speed(numbers, seconds), who) for stage, (numbers, who) in counts.items()]


def _calls(function: Callable[[Any], Any], samples: Iterable) -> Iterator[int]:
    """Calls `function` for one sample after the other, endlessly; yields 1 for each."""
    for sample in itertools.cycle(samples):
        function(sample)
        yield 1


def _rows(dataset: Any, column: str) -> Iterator[int]:
    """The number of images in each row of a dataset, epoch after epoch."""
    epochs = dataset.create_dict_iterator(num_epochs=-1, output_numpy=True)
    while True:
        for row in epochs:
            yield row[column].size


def _speed(counts: Iterator[int], seconds: float) -> float:
    """Images per second of an endless iterator of numbers of images."""
    images, elapsed, start = 0, 0.0, time.perf_counter()
    while elapsed < seconds:
        images += next(counts)
        elapsed = time.perf_counter() - start
    return images / elapsed


def format_stage_speeds(speeds: Sequence[StageSpeed]) -> str:
    """A table of `StageSpeed`, one line each."""
    width = max(len(speed.stage) for speed in speeds)
    lines = [f"{'stage':<{width}}  images/s  ms an image"]
    lines += [f"{speed.stage:<{width}}  {speed.images_per_second:8.1f}  {1000 / speed.images_per_second:11.3f}"
              f"  {speed.workers}" for speed in speeds]
    return "\n".join(lines)
