"""Memory of a long training that evaluates after every epoch: it must not grow.

    python -m tests.faults.soak [--steps=2000] [--image_size=96] [--minutes=0] [--folder=DIR]

Trains ssd300 on small demo data in a process of its own, 20 steps an epoch, and reads that process's memory (resident
set) after each epoch with its evaluation and checkpoint. The first fifth of the run is left out: there graphs are
compiled, and buffers reach their size. What counts is the median of the last fifth against that of the second.
"""
import argparse
import contextlib
import json
import signal
import statistics
import sys
import tempfile
import time

import psutil

from src.dataset.shapes import draw_shapes_dataset
from tests.faults.small_run import Place
from tests.support.golden_data import ROOT

FLAGS = (f"--config_path={ROOT / 'config' / 'ssd300_shapes_config.yaml'}", "--mindrecord_dir=records",
         "--eval_start_epoch=1", "--eval_interval=1", "--min_score=0.001", "--save_checkpoint_epochs=5", "--lr=0.005")
BATCH_SIZE, IMAGES, EVALUATED = 4, 90, 12
MEGABYTE = 1 << 20
# A larger part is growth.
LARGEST_GROWTH = 0.02
SHOWN = 10  # readings
STRIDES = (16, 32, 64, 100, 150, 300)  # of ssd300; on small images the last ones have one place


def size_flags(size):
    """Flags for images of `size` x `size` pixels."""
    strides = [min(stride, size) for stride in STRIDES]
    sides = [-(-size // stride) for stride in strides]
    return f"--img_shape={size},{size}", f"--steps={','.join(map(str, strides))}", \
        f"--feature_size={','.join(map(str, sides))}"


def watch(run, minutes):
    """Readings of a training, bytes, one after each epoch; asks it to end after so many minutes, 0 for never."""
    process, readings = psutil.Process(run.process.pid), []
    while run.process.poll() is None:
        time.sleep(0.1)
        # The first line of the next epoch comes when everything of this one is done.
        if run.text.count(" step: 1, loss is ") > len(readings):
            with contextlib.suppress(psutil.NoSuchProcess):
                readings.append(process.memory_info().rss)
        if minutes and time.monotonic() - run.began > 60 * minutes:
            run.send(signal.SIGTERM)
            minutes = 0
    if run.process.returncode not in (0, 128 + signal.SIGTERM):
        raise AssertionError(run.text)
    return readings


def growth(readings):
    """The median of the last fifth, as a part of that of the second fifth, less 1."""
    fifth = max(len(readings) // 5, 1)
    second, last = readings[fifth : 2 * fifth], readings[-fifth:]
    return statistics.median(last) / statistics.median(second) - 1


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--image_size", type=int, default=96)
    parser.add_argument("--minutes", type=float, default=0, help="end it earlier, after so many; 0: never")
    parser.add_argument("--folder", help="where to work; default: a temporary one")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as work:
        place = Place(work, flags=FLAGS)
        draw_shapes_dataset(place.data / "shapes", num_train=IMAGES, num_val=EVALUATED)
        place.finish(place.convert(), "convert")
        manifest = json.loads((place.data / "records" / "ssd.mindrecord.json").read_text(encoding="utf-8"))
        steps = manifest["num_images"] // BATCH_SIZE
        flags = (*size_flags(arguments.image_size), f"--batch_size={BATCH_SIZE}",
                 f"--epoch_size={-(-arguments.steps // steps) + 1}")
        run = place.start(place.train(*flags), "train")
        readings = watch(run, arguments.minutes)[1:]  # the first is of the first step, before there was an epoch
        minutes = (time.monotonic() - run.began) / 60
    print("   step     MB")
    for index in range(0, len(readings), max(len(readings) // SHOWN, 1)):
        print(f"{(index + 1) * steps:7d} {readings[index] / MEGABYTE:6.0f}")
    if len(readings) < SHOWN:
        print(f"{len(readings)} epochs are too few to tell")
        return 1
    part = growth(readings)
    flat = part <= LARGEST_GROWTH
    print(f"{len(readings) * steps} steps and {len(readings)} evaluations in {minutes:.1f} minutes; memory of the last "
          f"fifth against the second: {100 * part:+.2f} percent, {'flat' if flat else 'it grows'}")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
