"""Images per second of each stage of the training pipeline."""
import itertools
import time
from typing import NamedTuple

import mindspore.dataset as ds
import numpy as np

from src.dataset.augmentation import PLAIN
from src.dataset.images import decode_image
from src.dataset.pipeline import RECORD_COLUMNS, augment, record_boxes, seed_sample

# Images that decoding, augmentation and encoding are measured with, again and again.
SAMPLE_IMAGES = 128
SECONDS = 3.0


class StageSpeed(NamedTuple):
    """Speed of one stage, and what worked on it."""

    stage: str
    images_per_second: float
    workers: str


def measure_stages(mindrecord_file, dataset, image_size, box_coder, seed=1, seconds=SECONDS,
                   augmentation=PLAIN):
    """Measures reading, decoding, cropping with augmentation, and encoding each alone, then the whole pipeline.

    Args:
        mindrecord_file: first file of the training set.
        dataset: what `create_ssd_dataset` makes of it for training.
        image_size: (height, width) of the network's input.
        box_coder: as for `create_ssd_dataset`.
        seed: of the augmentation.
        seconds: at least so long for each stage.
        augmentation: as for `create_ssd_dataset`; mosaics are measured with the whole pipeline only.

    Returns:
        List of `StageSpeed`, in the order of the stages.
    """
    records = ds.MindDataset(str(mindrecord_file), columns_list=RECORD_COLUMNS, shuffle=False)
    rows = itertools.islice(records.create_dict_iterator(num_epochs=1, output_numpy=True), SAMPLE_IMAGES)
    contents, annotated = zip(*((row["image"].copy(), record_boxes(row["annotation"])) for row in rows))
    images = [decode_image(content) for content in contents]
    rng, out = np.random.RandomState(), np.empty((3, *image_size), np.float32)

    def augment_sample(number):
        seed_sample(rng, seed, 0, 0, 0, number)
        return augment(images[number], annotated[number], image_size, rng, out, augmentation=augmentation)

    boxes = [augment_sample(number) for number in range(len(images))]
    counts = {
        "reading": (_rows(records, "img_id"), "MindSpore"),
        "decoding": (_calls(decode_image, contents), "1 thread"),
        "crop and augmentation": (_calls(augment_sample, range(len(images))), "1 thread"),
        "encoding": (_calls(box_coder.encode, boxes), "1 thread"),
        "all, in batches": (_rows(dataset, "num_match"), f"{dataset.num_parallel_workers} workers"),
    }
    return [StageSpeed(stage, _speed(numbers, seconds), workers) for stage, (numbers, workers) in counts.items()]


def _calls(function, samples):
    """Calls `function` for one sample after the other without end, and tells each time that one is done."""
    for sample in itertools.cycle(samples):
        function(sample)
        yield 1


def _rows(dataset, column):
    """The number of images in each row of a dataset, epoch after epoch."""
    epochs = dataset.create_dict_iterator(num_epochs=-1, output_numpy=True)
    while True:
        for row in epochs:
            yield row[column].size


def _speed(counts, seconds):
    """Images per second of an endless iterator of numbers of images."""
    images, start = 0, time.perf_counter()
    for count in counts:
        images += count
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            return images / elapsed


def format_speeds(speeds):
    """A table of `StageSpeed`, one line each."""
    width = max(len(speed.stage) for speed in speeds)
    lines = [f"{'stage':<{width}}  images/s  ms an image"]
    lines += [f"{speed.stage:<{width}}  {speed.images_per_second:8.1f}  {1000 / speed.images_per_second:11.3f}"
              f"  {speed.workers}" for speed in speeds]
    return "\n".join(lines)
