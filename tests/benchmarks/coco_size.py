"""A dataset as large as COCO 2017, drawn with hard links, and what a start takes with it.

    python -m tests.benchmarks.coco_size --folder=DIR [--format=coco|yolo] [--share=1] [--keep] [-- FLAG...]

118 287 training and 5 000 evaluation images of about 158 kB, with 7.3 objects each in 80 classes; their annotation file
of training has polygons and about 398 MB. `share` draws a part of them. Then come the conversion, a second start and,
with `--check`, a check of the dataset; each with wall and CPU seconds and its largest memory. The targets on two cores
are 3 minutes and 4 GB for the conversion, and 10 seconds for the second start.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

TRAINING, EVALUATION, CLASSES, OBJECTS = 118_287, 5_000, 80, 7.3
HEIGHT, WIDTH, BYTES = 480, 640, 158_000
FILES = 16
# File systems allow some ten thousands of links to a file.
MOST_LINKS = 20_000
NAMES = [f"class {number}" for number in range(CLASSES)]


def draw_files(folder):
    """Some JPEG files of the usual size, all different."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(FILES):
        rng = np.random.default_rng(number)
        smooth = cv2.resize(rng.integers(0, 256, (30, 40, 3), np.uint8), (WIDTH, HEIGHT)).astype(np.int16)
        noise = rng.integers(-40, 41, smooth.shape, np.int16)
        for share in np.linspace(0, 1, 21):  # as much noise as makes the file large enough
            image = (smooth + noise * share).clip(0, 255).astype(np.uint8)
            content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
            if len(content) >= BYTES:
                break
        (folder / f"{number}.jpg").write_bytes(content.tobytes())


def random_boxes(rng):
    """Some boxes x, y, width, height in pixels, `(N, 4)`, and their classes."""
    count = rng.poisson(OBJECTS)
    sides = rng.uniform(10, 200, (count, 2))
    corners = rng.uniform(0, 1, (count, 2)) * ((WIDTH, HEIGHT) - sides)
    return np.concatenate([corners, sides], axis=1), rng.integers(0, CLASSES, count)


def polygon(rng, box):
    """An outline of some 18 points within a box, x and y in turns."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(8, 30))))
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1) / 2 + 0.5
    return np.round(box[:2] + around * box[2:], 2).ravel().tolist()


def draw_coco(folder, parts):
    (folder / "annotations").mkdir()
    for part, count in parts.items():
        rng, images, annotations = np.random.default_rng(count), [], []
        for number in range(count):
            images.append({"id": number, "file_name": f"{number:012d}.jpg", "height": HEIGHT, "width": WIDTH,
                           "license": 1, "date_captured": "2013-11-14 17:02:52",
                           "coco_url": f"http://images.example/{part}/{number:012d}.jpg"})
            boxes, labels = random_boxes(rng)
            for box, label in zip(boxes, labels.tolist()):
                annotations.append({"segmentation": [polygon(rng, box)], "area": round(box[2] * box[3] / 2, 4),
                                    "iscrowd": 0, "image_id": number, "bbox": np.round(box, 2).tolist(),
                                    "category_id": label, "id": len(annotations) + 1})
        categories = [{"id": number, "name": name, "supercategory": "thing"} for number, name in enumerate(NAMES)]
        path = folder / "annotations" / f"instances_{part}2017.json"
        path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
        print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB, {len(annotations)} objects", flush=True)
    return {part: folder / f"{part}2017" for part in parts}


def draw_yolo(folder, parts):
    lines = "".join(f"{part}: images/{part}\n" for part in parts)
    (folder / "data.yaml").write_text(f"names: {json.dumps(NAMES)}\n{lines}")
    for part, count in parts.items():
        rng = np.random.default_rng(count)
        (folder / "labels" / part).mkdir(parents=True)
        for number in range(count):
            boxes, labels = random_boxes(rng)
            centres = (boxes[:, :2] + boxes[:, 2:] / 2) / (WIDTH, HEIGHT)
            rows = np.concatenate([centres, boxes[:, 2:] / (WIDTH, HEIGHT)], axis=1).tolist()
            text = "".join(f"{label} {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for label, (x, y, w, h) in zip(labels, rows))
            (folder / "labels" / part / f"{number:012d}.txt").write_text(text)
    return {part: folder / "images" / part for part in parts}


def link_images(files, folders, parts):
    for part, count in parts.items():
        folders[part].mkdir(parents=True, exist_ok=True)
        for number in range(count):
            source = files / f"{number % FILES}-{number // MOST_LINKS}.jpg"
            if not source.exists():
                shutil.copy(files / f"{number % FILES}.jpg", source)
            os.link(source, folders[part] / f"{number:012d}.jpg")


def run(what, command):
    """Runs a command, and prints what it took; the memory is of it and its children, as the system counts it."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(output[-4000:])
    print(f"{what}: {time.perf_counter() - begin:.1f} s, {usage.ru_utime + usage.ru_stime:.1f} CPU s, "
          f"{usage.ru_maxrss / 1e6:.2f} GB", flush=True)


def main():
    own, _, flags = " ".join(sys.argv[1:]).partition(" -- ")
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.coco_size")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--format", choices=("coco", "yolo"), default="coco")
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--keep", action="store_true", help="leave the dataset there, and take one that is there")
    args = parser.parse_args(own.split())
    data, files, records = args.folder / f"{args.format}", args.folder / "files", args.folder / "records"
    parts = {"train": round(args.share * TRAINING), "val": round(args.share * EVALUATION)}
    if not data.exists():
        draw_files(files)
        data.mkdir(parents=True)
        link_images(files, {"coco": draw_coco, "yolo": draw_yolo}[args.format](data, parts), parts)
    shutil.rmtree(records, ignore_errors=True)
    command = [sys.executable, "train.py", "--config_path=config/finetune.yaml", f"--data={data}",
               f"--mindrecord_dir={records}", f"--output_path={args.folder / 'output'}", "--only_create_dataset=True",
               *flags.split()]
    run(f"{args.format}, {parts['train']} images: conversion", command)
    run("second start", command)
    if args.check:
        run("check", [one for one in command if "only_create" not in one] + ["--check_dataset"])
    if not args.keep:
        for path in (data, files, records, args.folder / "output"):
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main()
