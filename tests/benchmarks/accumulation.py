"""Time and peak memory of post-processing and COCO metrics for the predictions of a large network.

    python -m tests.benchmarks.accumulation [--images=N --default_boxes=N --batch_size=N] [--record FILE]
        [--baseline FILE]

By default 5000 images of 51150 default boxes and 81 classes in batches of 8. The predictions are drawn, not computed:
no network runs.
"""
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from src.config.coco_classes import COCO_CLASSES
from src.evaluation import COCOMetrics, evaluate, write_results
from src.evaluation.predictions import split_batch
from tests.benchmarks.table import parse_arguments, report

HEIGHT, WIDTH = 480, 640
OBJECTS = 7  # of an image, about as many as in COCO
BOXES_OF_OBJECT = 20


def draw_truth(num_images, rng):
    """COCO annotations as a dictionary, and for each image its boxes `(OBJECTS, 4)` in [0, 1] and their labels."""
    corner = rng.uniform(0, 0.7, (num_images, OBJECTS, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0.02, 0.3, (num_images, OBJECTS, 2))], axis=-1)
    labels = rng.integers(1, len(COCO_CLASSES), (num_images, OBJECTS))
    annotations = []
    for image, (of_image, image_labels) in enumerate(zip(boxes, labels)):
        for (ymin, xmin, ymax, xmax), label in zip(of_image.tolist(), image_labels.tolist()):
            bbox = [xmin * WIDTH, ymin * HEIGHT, (xmax - xmin) * WIDTH, (ymax - ymin) * HEIGHT]
            annotations.append({"id": len(annotations) + 1, "image_id": image, "category_id": label, "bbox": bbox,
                                "area": bbox[2] * bbox[3], "iscrowd": 0})
    content = {
        "images": [{"id": image, "file_name": f"{image}.jpg"} for image in range(num_images)],
        "annotations": annotations,
        "categories": [{"id": label, "name": name} for label, name in enumerate(COCO_CLASSES) if label],
    }
    return content, boxes, labels


class DrawnPredictions:
    """Takes the place of a network: boxes around the objects of each image, with some false ones, and noise."""

    def __init__(self, boxes, labels, num_default_boxes, rng):
        self.boxes, self.labels, self.rng = boxes, labels, rng
        corner = rng.uniform(0, 0.7, (num_default_boxes, 2))
        self.noise_boxes = np.concatenate([corner, corner + 0.2], axis=1).astype(np.float32)
        # About 1.5 percent of the scores are above 0.01.
        self.noise = np.float32(0.05) * rng.random((num_default_boxes, len(COCO_CLASSES)), dtype=np.float32) ** 100
        self.seconds = 0.0

    def __call__(self, images, image_shapes):
        """images `(B, 1, 1, 1)` holds the number of each image."""
        start = time.perf_counter()
        boxes = np.repeat(self.noise_boxes[None], len(images), axis=0)
        scores = np.repeat(self.noise[None], len(images), axis=0)
        for row, image in enumerate(images.reshape(-1).tolist()):
            chosen = self.rng.choice(boxes.shape[1], OBJECTS * BOXES_OF_OBJECT, replace=False)
            near = np.repeat(self.boxes[image], BOXES_OF_OBJECT, axis=0) + self.rng.normal(0, 0.02, (len(chosen), 4))
            labels = np.repeat(self.labels[image], BOXES_OF_OBJECT)
            labels[::5] = self.rng.integers(1, len(COCO_CLASSES), len(labels[::5]))
            boxes[row, chosen] = near.clip(0, 1)
            scores[row, chosen, labels] = self.rng.uniform(0.02, 0.99, len(chosen))
        self.seconds += time.perf_counter() - start
        return split_batch(boxes, scores)


def main(argv):
    options, rest = parse_arguments(__doc__, argv)
    sizes = dict(zip(("--images", "--default_boxes", "--batch_size"), (5000, 51150, 8)))
    for flag in rest:
        name, _, value = flag.partition("=")
        sizes[name] = int(value)
    num_images, num_boxes, batch_size = sizes.values()
    rng = np.random.default_rng(0)
    content, boxes, labels = draw_truth(num_images, rng)
    predict = DrawnPredictions(boxes, labels, num_boxes, rng)
    batches = ({"image": np.array(ids).reshape(-1, 1, 1, 1), "img_id": ids, "image_shape": [[HEIGHT, WIDTH]] * len(ids)}
               for ids in np.split(np.arange(num_images), range(batch_size, num_images, batch_size)))
    with tempfile.TemporaryDirectory() as folder:
        annotation_file = Path(folder) / "truth.json"
        annotation_file.write_text(json.dumps(content), encoding="utf-8")
        metrics = COCOMetrics(annotation_file, COCO_CLASSES)
        start = time.perf_counter()
        result = evaluate(predict, batches, metrics, batch_size)
        seconds = time.perf_counter() - start
        write_results(result, folder)
    print(f"{num_images} images, {num_boxes} default boxes, {len(COCO_CLASSES)} classes, "
          f"{result.num_detections} detections, mAP {result.map:.6f}")
    report({
        "drawing the predictions, s": predict.seconds,
        "everything, s": seconds,
        "peak memory of the process, GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }, "", options)


if __name__ == "__main__":
    main(sys.argv[1:])
