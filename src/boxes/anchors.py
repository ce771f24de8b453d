"""Default boxes (anchors) of the detectors.

Anchors are `(A, 4)` float64 boxes `cy cx h w`, normalised by the image's height and width and not clipped, in the order
of the heads' outputs: level, row, column, shape.
"""
import itertools
import math
from collections.abc import Sequence

import numpy as np

# Shapes at a location of a feature pyramid: base size 4 strides, two octave scales, three aspect ratios (RetinaNet,
# https://arxiv.org/abs/1708.02002, section 4).
GRID_BASE_SIZE = 4.0
GRID_SCALES = (1.0, math.sqrt(2.0))
GRID_RATIOS = (1.0, 2.0, 0.5)
# Coarsest stride of the features that a pyramid merges, each half as large as the one before.
GRID_MERGED_STEP = 32
Shapes = list[list[tuple[float, float]]]  # (height, width) of the default boxes of each level, normalised


def multibox_shapes(min_scale: float, max_scale: float, aspect_ratios: Sequence[Sequence[float]],
                    reduced_scale: float = 0.1) -> Shapes:
    """Heights and widths of the default boxes of each level of SSD (https://arxiv.org/abs/1512.02325, section 2.2).

    Scales rise evenly from `min_scale` to `max_scale`. A level has a square of its scale, two boxes for each aspect
    ratio, and a square of the geometric mean of its scale and the next. A first level without ratios is the reduced
    lowest layer of the TensorFlow Object Detection API: a square of `reduced_scale`, and both boxes of ratio 2.

    Returns:
        One list of `(h, w)` per level.
    """
    levels = len(aspect_ratios)
    step = (max_scale - min_scale) / (levels - 1) if levels > 1 else 0.0
    scales = [min_scale + step * level for level in range(levels)] + [1.0]
    shapes = []
    for level, ratios in enumerate(aspect_ratios):
        scale = scales[level]
        reduced = level == 0 and not ratios
        boxes = [(reduced_scale, reduced_scale)] if reduced else [(scale, scale)]
        for ratio in (2,) if reduced else ratios:
            long_side, short_side = scale * math.sqrt(ratio), scale / math.sqrt(ratio)
            boxes += [(short_side, long_side), (long_side, short_side)]
        if not reduced:
            mean = math.sqrt(scale * scales[level + 1])
            boxes.append((mean, mean))
        shapes.append(boxes)
    return shapes


def sized_shapes(image_size: Sequence[int], sizes: Sequence[float], aspect_ratios: Sequence[Sequence[float]],
                 within_image: bool = False) -> Shapes:
    """Heights and widths of the default boxes of each level, from sizes in pixels as in the original SSD.

    A level has a square of its size, a square of the geometric mean of its size and the next, and for each aspect ratio
    a wide and a tall box of the area of the first square.

    Args:
        image_size: height and width in pixels.
        sizes: of each level, and one more.
        aspect_ratios: for each level the ratios beside 1.
        within_image: no side is longer than that of the image.

    Returns:
        One list of `(h, w)` per level, normalised.
    """
    height, width = image_size
    shapes = []
    for size, following, ratios in zip(sizes, sizes[1:], aspect_ratios):
        mean = math.sqrt(size * following)
        boxes = [(size, size), (mean, mean)]
        for ratio in ratios:
            long_side, short_side = size * math.sqrt(ratio), size / math.sqrt(ratio)
            boxes += [(short_side, long_side), (long_side, short_side)]
        longest = 1.0 if within_image else math.inf
        shapes.append([(min(h / height, longest), min(w / width, longest)) for h, w in boxes])
    return shapes


def place_shapes(image_size: Sequence[int], feature_size: Sequence[int], steps: Sequence[int],
                 shapes: Shapes) -> np.ndarray:
    """The anchors of SSD: the shapes of a level at every location of its square feature map.

    Args:
        image_size: height and width in pixels.
        feature_size: side of each level's feature map.
        steps: stride of each level in pixels.
        shapes: for each level a list of `(h, w)`, normalised.
    """
    anchors = []
    for size, step, level_shapes in zip(feature_size, steps, shapes):
        cells_y, cells_x = image_size[0] / step, image_size[1] / step
        for row, column in itertools.product(range(size), repeat=2):
            cy, cx = (row + 0.5) / cells_y, (column + 0.5) / cells_x
            anchors += [(cy, cx, h, w) for h, w in level_shapes]
    return np.array(anchors)


def grid_size(image_size: Sequence[int], step: int) -> tuple[int, ...]:
    """Rows and columns of a level of a feature pyramid: the sides of the image divided by the stride, rounded up."""
    return tuple(math.ceil(side / step) for side in image_size)


def grid_anchors(image_size: Sequence[int], steps: Sequence[int], base_size: float = GRID_BASE_SIZE) -> np.ndarray:
    """Anchors of a feature pyramid: every level has the same shapes, in units of its stride.

    Where a step does not divide a side, the centres of that level divide it evenly all the same.

    Args:
        image_size: height and width in pixels.
        steps: stride of each level in pixels.
        base_size: side of the smaller square of a level, in strides.
    """
    return grid_anchors_in_pixels(image_size, steps, base_size) / np.tile(image_size, 2)


def grid_anchors_in_pixels(image_size: Sequence[int], steps: Sequence[int],
                           base_size: float = GRID_BASE_SIZE) -> np.ndarray:
    """As `grid_anchors`, `(A, 4)` float32 in pixels.

    Computed in float32, as the Model Zoo does: its rounding decides which of equally good anchors a box takes.
    """
    height, width = image_size
    grids = np.meshgrid(GRID_RATIOS, GRID_SCALES, indexing="ij")
    ratios, scales = (grid.reshape(-1).astype(np.float32) for grid in grids)  # (shapes,)
    anchors = []
    for step in steps:
        rows, columns = grid_size(image_size, step)
        cy, cx = np.meshgrid((np.arange(rows) + 0.5) * height / rows, (np.arange(columns) + 0.5) * width / columns,
                             indexing="ij")
        centres = np.stack([cy, cx], axis=-1).reshape(-1, 1, 2).astype(np.float32)  # (rows * columns, 1, 2)
        base = np.float32(base_size * step)
        sides = np.stack([scales / np.sqrt(ratios) * base, scales * np.sqrt(ratios) * base], axis=-1)  # (shapes, 2)
        level = np.concatenate(np.broadcast_arrays(centres, sides[None]), axis=-1)  # (rows * columns, shapes, 4)
        anchors.append(level.reshape(-1, 4))
    return np.concatenate(anchors)
