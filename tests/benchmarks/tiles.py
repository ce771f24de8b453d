"""Draws small shapes, of 20 to 60 pixels: images of 300 x 300 to train on, and some of 3000 x 2000 to detect in.

    python -m tests.benchmarks.tiles --output=data
    python train.py --config_path=config/ssd_efficientnet_lite0_shapes_config.yaml --coco_root=small_shapes \
        --mindrecord_dir=MindRecord_SMALL --output_path=output/small
    python eval.py --config_path=config/ssd_efficientnet_lite0_shapes_config.yaml --coco_root=small_shapes \
        --val_data_type=large --mindrecord_dir=MindRecord_LARGE --eval_protocol=coco \
        --checkpoint_file_path=output/small/ckpt_0/best_map.ckpt [--tiles]

The last command with and without `--tiles` tells what tiles are worth.
"""
import argparse
import itertools
from pathlib import Path

import cv2
import numpy as np

from src.dataset.shapes import EMPTY_AT, SHAPE_CLASSES, draw_image, mask_box
from src.utils.files import write_json
from src.visualization.draw import save_image

CELL = 100  # pixels: a drawn image of 300 to 400 pixels is reduced to it, with its shapes
# Of each part: number of images, rows and columns of cells, and the share of cells with shapes. A large image has fewer
# than 100 shapes: COCO's AP counts no more detections of a class.
PARTS = {"train": (240, 3, 3, 1), "val": (40, 3, 3, 1), "large": (12, 20, 30, 0.03)}


def draw_cells(rows, columns, share, numbers):
    """An image of so many cells, and its objects as `(label, [x, y, width, height])`."""
    image, objects = np.zeros((rows * CELL, columns * CELL, 3), np.uint8), []
    for row, column in itertools.product(range(rows), range(columns)):
        number = next(numbers)
        has_shapes = np.random.default_rng(number).random() < share
        drawn, found = draw_image(0 if has_shapes else EMPTY_AT, number)
        scale = np.array([CELL / drawn.shape[1], CELL / drawn.shape[0]] * 2)
        place = (slice(row * CELL, (row + 1) * CELL), slice(column * CELL, (column + 1) * CELL))
        image[place] = cv2.resize(drawn, (CELL, CELL), interpolation=cv2.INTER_AREA)
        for one in found:
            box = np.array(mask_box(one["mask"])) * scale + (column * CELL, row * CELL, 0, 0)
            objects.append((one["category_id"], box.tolist()))
    return image, objects


def draw_part(folder, part, numbers):
    count, rows, columns, share = PARTS[part]
    images, annotations = [], []
    for image_id in range(1, count + 1):
        image, objects = draw_cells(rows, columns, share, numbers)
        save_image(folder / part / f"{image_id:04d}.png", image)
        images.append({"id": image_id, "file_name": f"{image_id:04d}.png", "height": rows * CELL,
                       "width": columns * CELL})
        annotations += [{"id": len(annotations) + number, "image_id": image_id, "category_id": label, "bbox": box,
                         "area": box[2] * box[3], "iscrowd": 0} for number, (label, box) in enumerate(objects, 1)]
    write_json(folder / "annotations" / f"instances_{part}.json", {
        "images": images, "annotations": annotations,
        "categories": [{"id": label, "name": name} for label, name in enumerate(SHAPE_CLASSES, 1)]}, indent=None)
    sides = np.array([box[2:] for box in (one["bbox"] for one in annotations)])
    print(f"{part}: {count} images, {len(annotations)} shapes, longer sides from {sides.max(axis=1).min():.0f} to "
          f"{sides.max():.0f} pixels")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("data"), help="folder of small_shapes")
    numbers = itertools.count(1)
    for part in PARTS:
        draw_part(parser.parse_args().output / "small_shapes", part, numbers)


if __name__ == "__main__":
    main()
