"""Seconds of an epoch on real images: the recommended detector here, and Ultralytics' YOLO11n. Needs `ultralytics`.

    python -m tests.benchmarks.yolo_epoch [--record FILE] [--baseline FILE] [--data_path DIR ...]

What users wait for, with reading, augmentation and averages of weights, as both programs report it: `train.py`, and the
trainer of `ultralytics` with its defaults, but for the configuration's size of images and batch. One after the other,
each in a process of its own; medians of the epochs after the first, which compiles.
"""
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from tests.benchmarks.table import parse_arguments, report
from tests.benchmarks.yolo_step import RECOMMENDED

EPOCHS = 4
TRAIN_YOLO = "import json, sys, ultralytics; ultralytics.YOLO('yolo11n.yaml').train(**json.loads(sys.argv[1]))"


def run(arguments, folder):
    """Runs Python with `arguments`, and gives the rows of the `results.csv` that it leaves in `folder`."""
    process = subprocess.run([sys.executable, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if process.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{process.stdout}")
    with open(Path(folder, "results.csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def seconds_here(flags, folder):
    """Median seconds of an epoch of `train.py`."""
    rows = run(["train.py", f"--mindrecord_dir={folder / 'mindrecord'}", *flags, f"--epoch_size={EPOCHS}",
                f"--output_path={folder}"], folder)
    return statistics.median(float(row["seconds"]) for row in rows[1:])


def write_yolo_dataset(config, folder):
    """The images and boxes of the configuration as `ultralytics` reads them. Returns the path of its YAML file."""
    import cv2

    from src.dataset.sources import read_annotations

    for part, is_training in (("train", True), ("val", False)):
        for kind in ("images", "labels"):
            Path(folder, kind, part).mkdir(parents=True)
        for image_id, path, boxes, size in read_annotations(config, is_training):
            height, width = size or cv2.imread(path).shape[:2]
            lines = [f"{label - 1} {(xmin + xmax) / 2 / width} {(ymin + ymax) / 2 / height} "
                     f"{(xmax - xmin) / width} {(ymax - ymin) / height}" for ymin, xmin, ymax, xmax, label in boxes]
            Path(folder, "labels", part, f"{image_id}.txt").write_text("\n".join(lines), encoding="utf-8")
            Path(folder, "images", part, f"{image_id}{Path(path).suffix}").symlink_to(Path(path).resolve())
    data = {"path": str(folder), "train": "images/train", "val": "images/val", "names": config.classes[1:]}
    path = Path(folder, "data.yaml")
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def seconds_of_yolo(config, folder):
    """Median seconds of an epoch of YOLO11n in its own trainer, without its validation."""
    settings = {"data": str(write_yolo_dataset(config, folder)), "epochs": EPOCHS, "imgsz": config.img_shape[0],
                "batch": config.batch_size, "device": "cpu", "val": False, "plots": False,
                "project": str(folder.parent), "name": folder.name, "exist_ok": True}
    clock = [float(row["time"]) for row in run(["-c", TRAIN_YOLO, json.dumps(settings)], folder)]
    return statistics.median(after - before for before, after in pairwise(clock))


def main(argv):
    options, flags = parse_arguments(__doc__, [RECOMMENDED, *argv])
    from src.config import load_config

    config = load_config(flags)
    with tempfile.TemporaryDirectory() as folder:
        folders = Path(folder, "here"), Path(folder, "yolo")
        for path in folders:
            path.mkdir()
        seconds = {"here": seconds_here(flags, folders[0]), "YOLO11n": seconds_of_yolo(config, folders[1])}
    report(seconds, "s", options)
    print(f"ratio: {seconds['here'] / seconds['YOLO11n']:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
