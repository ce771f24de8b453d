"""Milliseconds of the post-processing of one image: the per-class loop of the original, and this software.

    python -m tests.benchmarks.postprocessing [--record FILE] [--baseline FILE]

Each image has 81 classes and 200 boxes above the threshold, spread over 20 classes.
"""
import sys

import numpy as np

from src.boxes import NMSConfig, select_detections
from tests.benchmarks.table import median_seconds, parse_arguments, report

MODELS = {"ssd300": 1917, "ssd_vgg16": 7308, "ssd_mobilenet_v1_fpn": 51150}
CLASSES, OBJECT_CLASSES, ABOVE = 81, 20, 200
HEIGHT, WIDTH = 480, 640
MIN_SCORE, NMS_THRESHOLD, MAX_BOXES = 0.1, 0.6, 100


def draw_predictions(num_boxes, rng):
    """Boxes `(A, 4)` and scores `(A, C)`: ten boxes around one object of each of 20 classes, low scores elsewhere."""
    corner = rng.uniform(0, 0.6, (num_boxes, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0.05, 0.4, (num_boxes, 2))], axis=1)
    scores = rng.random((num_boxes, CLASSES)) * 0.09
    corner = rng.uniform(0, 0.6, (OBJECT_CLASSES, 2))
    objects = np.concatenate([corner, corner + rng.uniform(0.1, 0.3, (OBJECT_CLASSES, 2))], axis=1)
    chosen = rng.choice(num_boxes, ABOVE, replace=False)
    label = np.arange(ABOVE) % OBJECT_CLASSES
    boxes[chosen] = objects[label] + rng.normal(0, 0.02, (ABOVE, 4))
    scores[chosen, label + 1] = rng.uniform(0.11, 0.99, ABOVE)
    return boxes.clip(0, 1).astype(np.float32), scores.astype(np.float32)


def suppress_one_by_one(boxes, scores):
    """Indexes that suppression keeps, one box after the other; widths and heights count one pixel more."""
    ymin, xmin, ymax, xmax = boxes.T
    areas = (ymax - ymin + 1) * (xmax - xmin + 1)
    order = scores.argsort()[::-1]
    kept = []
    while len(order) > 0 and len(kept) < MAX_BOXES:
        best, others = order[0], order[1:]
        kept.append(best)
        height = np.maximum(np.minimum(ymax[best], ymax[others]) - np.maximum(ymin[best], ymin[others]) + 1, 0)
        width = np.maximum(np.minimum(xmax[best], xmax[others]) - np.maximum(xmin[best], xmin[others]) + 1, 0)
        overlap = height * width / (areas[best] + areas[others] - height * width)
        order = others[overlap <= NMS_THRESHOLD]
    return kept


def class_by_class(boxes, scores):
    """What the original does: threshold, suppression and a list of results for one class after the other."""
    results = []
    for label in range(1, CLASSES):
        of_class = scores[:, label]
        above = of_class > MIN_SCORE
        if not above.any():
            continue
        class_boxes = boxes[above] * [HEIGHT, WIDTH, HEIGHT, WIDTH]
        class_scores = of_class[above]
        kept = suppress_one_by_one(class_boxes, class_scores)
        for box, score in zip(class_boxes[kept].tolist(), class_scores[kept].tolist()):
            results.append({"bbox": [box[1], box[0], box[3] - box[1], box[2] - box[0]], "score": score,
                            "category_id": label})
    return results


def main(argv):
    options, _ = parse_arguments(__doc__, argv)
    rows, ratios = {}, {}
    for model, num_boxes in MODELS.items():
        boxes, scores = draw_predictions(num_boxes, np.random.default_rng(0))

        def select(boxes=boxes, scores=scores):
            return select_detections(boxes, scores, (HEIGHT, WIDTH), NMSConfig(MIN_SCORE, NMS_THRESHOLD, MAX_BOXES))

        found, expected = select()[1], [one["score"] for one in class_by_class(boxes, scores)]
        assert (scores[:, 1:] > MIN_SCORE).sum() == ABOVE and sorted(found.tolist()) == sorted(expected)
        loop, ours = median_seconds(
            lambda boxes=boxes, scores=scores: class_by_class(boxes, scores),
            select,
        )
        rows[f"{model}, class by class"] = loop * 1000
        rows[f"{model}, all classes at once"] = ours * 1000
        ratios[model] = ours / loop
    report(rows, "ms/image", options)
    for model, ratio in ratios.items():
        print(f"{model}: {ratio:.3f} of the loop")


if __name__ == "__main__":
    main(sys.argv[1:])
