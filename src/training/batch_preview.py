"""A picture of what the network is trained with: images after augmentation, with boxes and matched default boxes."""
from collections.abc import Sequence

import numpy as np
from mindspore import dataset as ds

from src.boxes import BoxCoder, build_box_coder
from src.config import Config
from src.dataset import build_input_format
from src.dataset.mindrecord.opening import readable
from src.dataset.transforms import InputFormat
from src.visualization.draw import class_colour, draw_boxes, draw_detections, grid, resize_to_view, with_title

MOST_IMAGES, IMAGES_IN_A_ROW = 16, 4
# Sides of one image in pixels.
SHORT_SIDE, LONG_SIDE = 400, 560


def boxes_of_targets(targets: np.ndarray, labels: np.ndarray, coder: BoxCoder) -> tuple[np.ndarray, np.ndarray]:
    """The ground truth boxes, decoded from the targets of the loss.

    Args:
        targets: `(A, 4)`; labels: `(A,)`, 0 without a match.

    Returns:
        Boxes `(N, 4)` ymin, xmin, ymax, xmax in [0, 1], and labels `(N,)`.
    """
    positive = labels > 0
    boxes = coder.decode(targets)[positive]
    rows = np.column_stack([boxes.round(3), labels[positive]])
    _, first = np.unique(rows, axis=0, return_index=True)
    first = np.sort(first)
    return boxes[first], labels[positive][first]


def batch_sheets(images: np.ndarray, targets: np.ndarray, labels: np.ndarray, coder: BoxCoder,
                 input_format: InputFormat, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures (H, W, 3) uint8: images with their boxes, and with the default boxes that are matched to them.

    Args:
        images: `(B, 3, H, W)` float32, the input of the network.
        targets, labels: `(B, A, 4)`, `(B, A)`.
        coder: the `BoxCoder` that encoded them.
        input_format: how the images were normalised.
        classes: names, index = label.
    """
    with_boxes, with_anchors = [], []
    for image, target, label in list(zip(images, targets, labels))[:MOST_IMAGES]:
        pixels = image.transpose(1, 2, 0) * input_format.std + input_format.mean
        pixels, _ = resize_to_view(np.rint(pixels).clip(0, 255).astype(np.uint8), [], SHORT_SIDE, LONG_SIDE)
        sides = np.tile(pixels.shape[:2], 2)
        boxes, box_labels = boxes_of_targets(target, label, coder)
        anchors = np.flatnonzero(label)
        with_boxes.append(with_title(draw_detections(pixels, boxes * sides, box_labels, None, classes),
                                     _counted(len(boxes), "box", "boxes")))
        colours = [class_colour(int(one)) for one in label[anchors]]
        drawn = draw_boxes(pixels, coder.default_boxes_tlbr[anchors] * sides, colours, [()] * len(anchors))
        with_anchors.append(with_title(drawn, _counted(len(anchors), "matched default box", "matched default boxes")))
    return grid(with_boxes, IMAGES_IN_A_ROW, gap=8), grid(with_anchors, IMAGES_IN_A_ROW, gap=8)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def draw_first_batch(config: Config, dataset: ds.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """`batch_sheets` of the first batch of a training dataset, which must not be iterated again."""
    batch = next(readable(dataset.create_dict_iterator(num_epochs=1, output_numpy=True)))
    return batch_sheets(batch["image"], batch["box"], batch["label"], build_box_coder(config),
                        build_input_format(config), config.classes)
