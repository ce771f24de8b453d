"""False positives on images without objects, and mAP, with and without such images in training; one core.

    python -m tests.benchmarks.empty_images --voc=DIR --empty=DIR [--images=200] [--seed=1] [--core=0] [-- FLAG...]

Both folders have the standard layout of VOC with the lists `trainval` and `test`. The first `images` of `trainval` of
the second are added to the training data of the first without their objects; all others of the second are counted on.
Two runs of config/finetune.yaml follow, without and with `keep_empty`; each prints a line with its mAP on `test`, and
with the detections in those images whose score is at least 0.3, and at least 0.5.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil

from src.inference import load_detector
from tests.benchmarks.fine_tuning import cpu_seconds

SCORES = (0.3, 0.5)


def listed(voc, part):
    return (voc / "ImageSets" / "Main" / f"{part}.txt").read_text(encoding="utf-8").split()


def image_of(voc, name):
    return next((voc / "JPEGImages").glob(f"{name}.*")).resolve()


def mix(voc, empty, images, folder):
    """A VOC dataset in `folder`; returns the images of `empty` that are left."""
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    for part in ("trainval", "test"):
        for name in listed(voc, part):
            (folder / "JPEGImages" / image_of(voc, name).name).symlink_to(image_of(voc, name))
            (folder / "Annotations" / f"{name}.xml").symlink_to((voc / "Annotations" / f"{name}.xml").resolve())
    others = [*listed(empty, "trainval"), *listed(empty, "test")]
    chosen, left = others[:images], others[images:]
    for name in chosen:
        path = image_of(empty, name)
        (folder / "JPEGImages" / f"empty-{path.name}").symlink_to(path)
        (folder / "Annotations" / f"empty-{name}.xml").write_text("<annotation/>", encoding="utf-8")
    lists = folder / "ImageSets" / "Main"
    names = [*listed(voc, "trainval"), *(f"empty-{name}" for name in chosen)]
    (lists / "trainval.txt").write_text("\n".join(names), encoding="utf-8")
    (lists / "test.txt").write_text("\n".join(listed(voc, "test")), encoding="utf-8")
    return [image_of(empty, name) for name in left]


def false_positives(model, paths):
    """Detections in images without objects, `(2,)` for the two scores, and images with such a detection, `(2,)`."""
    detector = load_detector(model, min_score=min(SCORES))
    scores = [[one.score for one in detector(path)] for path in paths]
    counts = np.array([[sum(score >= least for score in of_image) for least in SCORES] for of_image in scores])
    return counts.sum(axis=0), (counts > 0).sum(axis=0)


def fine_tune(folder, seed, core, flags):
    """Fine-tunes on `data` of a folder: output folder, mAP, and CPU seconds until the last evaluation."""
    output = Path(tempfile.mkdtemp(dir=folder))
    command = [sys.executable, "train.py", "--config_path=config/finetune.yaml", f"--data={folder / 'data'}",
               f"--mindrecord_dir={output}/records", f"--output_path={output}", f"--seed={seed}", "--cpu_threads=1",
               *flags]
    process = psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           env={**os.environ, "OMP_NUM_THREADS": "1"})
    process.cpu_affinity([core])
    lines, seconds = [], 0.0
    for line in process.stdout:
        lines.append(line)
        if line.startswith("mAP: "):
            seconds = cpu_seconds(process)
    if process.wait():
        sys.exit("".join(lines[-40:]))
    found = [re.match(r"mAP: ([\d.e-]+)", line) for line in lines]
    return output, [float(one[1]) for one in found if one][-1], seconds


def main():
    own, _, flags = " ".join(sys.argv[1:]).partition(" -- ")
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.empty_images")
    parser.add_argument("--voc", type=Path, required=True)
    parser.add_argument("--empty", type=Path, required=True)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--only", choices=("True", "False"), help="one of the two runs")
    args = parser.parse_args(own.split())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        left = mix(args.voc, args.empty, args.images, folder / "data")
        for keep_empty in (False, True):
            if args.only in (None, str(keep_empty)):
                output, value, seconds = fine_tune(folder, args.seed, args.core,
                                                   [f"--keep_empty={keep_empty}", *flags.split()])
                detections, images = false_positives(output / "model.onnx", left)
                print(f"keep_empty {keep_empty}, seed {args.seed}: mAP at the end {value:.4f}; in {len(left)} images "
                      f"without objects, detections with a score of {SCORES}: {detections.tolist()}, images with one: "
                      f"{images.tolist()}; {seconds:.0f} CPU s", flush=True)


if __name__ == "__main__":
    main()
