"""Milliseconds that the input pipeline takes for one image: encoding of several sizes, and each stage.

    python -m tests.benchmarks.pipeline [--record FILE] [--baseline FILE] [--config_path FILE --data_path FOLDER ...]

Without a configuration, the stages are measured on demo data that is drawn into a temporary folder.
"""
import sys
import tempfile
from pathlib import Path

import numpy as np

from src.boxes import build_box_coder
from src.config import load_config
from src.dataset import create_mindrecord, measure_stages
from src.dataset.shapes import draw_shapes_dataset
from src.training.data import build_dataset_settings
from tests.benchmarks.table import median_seconds, parse_arguments, report

ENCODINGS = (("ssd300_config.yaml", (1, 7, 20)), ("ssd_vgg16_config.yaml", (7, 20)),
             ("ssd_mobilenet_v1_fpn_config.yaml", (1, 7, 20, 60)))
CONFIGS = Path(__file__).resolve().parents[2] / "config"


def random_boxes(count):
    """`(count, 5)` normalised boxes of sides from 0.03 to 0.5, with labels."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 0.8, (count, 2))
    boxes = np.concatenate([corner, np.minimum(corner + rng.uniform(0.03, 0.5, (count, 2)), 1)], axis=1)
    return np.concatenate([boxes, rng.integers(1, 81, (count, 1))], axis=1).astype(np.float32)


def encoding_rows():
    for name, counts in ENCODINGS:
        coder = build_box_coder(load_config([f"--config_path={CONFIGS / name}"]))
        for count in counts:
            boxes = random_boxes(count)
            seconds, = median_seconds(lambda coder=coder, boxes=boxes: coder.encode(boxes), seconds=1)
            yield f"encoding, {len(coder.default_boxes)} default boxes, {count} boxes", seconds * 1000


def stage_rows(flags):
    config = load_config(["--device_target=CPU", *flags])
    records = create_mindrecord(config, is_training=True)
    for speed in measure_stages(records.path, *build_dataset_settings(config, records)):
        yield f"{speed.stage} ({speed.workers})", 1000 / speed.images_per_second


def main(argv):
    options, flags = parse_arguments(__doc__, argv)
    rows = dict(encoding_rows())
    if flags:
        rows.update(stage_rows(flags))
    else:
        with tempfile.TemporaryDirectory() as folder:
            draw_shapes_dataset(Path(folder) / "shapes", num_train=128, num_val=1)
            rows.update(stage_rows([f"--config_path={CONFIGS / 'ssd300_shapes_config.yaml'}", f"--data_path={folder}"]))
    report(rows, "ms/image", options)


if __name__ == "__main__":
    main(sys.argv[1:])
