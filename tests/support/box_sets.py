"""Sets of boxes, whose order differs where scores differ by rounding."""
import numpy as np


def largest_distance(boxes, others):
    """Of a box from the nearest one among the others, `(N, 4)` and `(M, 4)`: the largest difference of a number."""
    distances = np.abs(np.asarray(boxes)[:, None] - np.asarray(others)).max(axis=2)
    return max(distances.min(axis=0).max(), distances.min(axis=1).max()) if distances.size else 0
