"""Boxes as arrays: corners and centres, area, IoU."""
import numpy as np

# Smallest positive float32 of full precision.
FLOAT32_TINY = float(np.finfo(np.float32).tiny)


def to_tlbr(cyxhw: np.ndarray) -> np.ndarray:
    """`(..., 4)` boxes `cy cx h w` to `ymin xmin ymax xmax`."""
    centre, half = cyxhw[..., :2], cyxhw[..., 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def to_cyxhw(tlbr: np.ndarray) -> np.ndarray:
    """`(..., 4)` boxes `ymin xmin ymax xmax` to `cy cx h w`."""
    low, high = tlbr[..., :2], tlbr[..., 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=-1)


def xywh_to_tlbr(xywh: np.ndarray) -> np.ndarray:
    """`(..., 4)` boxes `xmin ymin width height`, as in COCO files, to `ymin xmin ymax xmax`."""
    corner, sides = xywh[..., [1, 0]], xywh[..., [3, 2]]  # y x, height width
    return np.concatenate([corner, corner + sides], axis=-1)


def tlbr_to_xywh(tlbr: np.ndarray) -> np.ndarray:
    """`(..., 4)` boxes `ymin xmin ymax xmax` to `xmin ymin width height`, as in COCO files."""
    corner = tlbr[..., [1, 0]]  # x y
    return np.concatenate([corner, tlbr[..., [3, 2]] - corner], axis=-1)


def box_area(boxes: np.ndarray) -> np.ndarray:
    """`(..., 4)` boxes -> `(...)` areas."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def pairwise_iou(boxes_a: np.ndarray, boxes_b: np.ndarray) -> np.ndarray:
    """Intersection over union of `(N, 4)` and `(M, 4)` boxes: `(N, M)`. Two boxes without area have IoU 0.

    Fastest where the columns of `boxes_b` are contiguous (`numpy.asfortranarray`).
    """
    ymin, xmin, ymax, xmax = (column[:, None] for column in boxes_a.T)
    other_ymin, other_xmin, other_ymax, other_xmax = boxes_b.T
    height = np.minimum(ymax, other_ymax)
    height -= np.maximum(ymin, other_ymin)
    width = np.minimum(xmax, other_xmax)
    width -= np.maximum(xmin, other_xmin)
    np.maximum(height, 0, out=height)
    np.maximum(width, 0, out=width)
    intersection = np.multiply(height, width, out=height)
    # The order of the operations decides between equally good boxes.
    union = np.add(box_area(boxes_b), box_area(boxes_a)[:, None], out=width)
    union -= intersection
    # Without a union there is no intersection either: 0 divided by anything.
    np.maximum(union, FLOAT32_TINY, out=union)
    return np.divide(intersection, union, out=intersection)
