"""Non-maximum suppression, and the choice of the detections of one image."""
import numpy as np

# Candidates that are compared with each other as one matrix. Larger blocks mean fewer calls, but more comparisons with
# candidates that are suppressed anyway or lie behind the last box that is wanted.
_BLOCK = 128
# Candidates that are compared at once with the boxes that are kept already.
_PART = 1024
# Up to so many candidates of an image no attempt is made to find out which of them can matter at all.
_FEW_CANDIDATES = 4096


def overlaps(boxes, others):
    """Intersection over union of each pair of boxes, in the pixel convention of the reference.

    Both ends of a box belong to it, so widths and heights count one pixel more than the difference of the coordinates
    (R. Girshick's Fast R-CNN). The result is not a number where the union is empty.

    Args:
        boxes: (M, 4) ymin, xmin, ymax, xmax, pixels.
        others: (N, 4), likewise.

    Returns:
        (M, N), in the floating-point type of the arguments.
    """
    ymin, xmin, ymax, xmax = (column[:, None] for column in boxes.T)
    other_ymin, other_xmin, other_ymax, other_xmax = others.T
    height = np.minimum(ymax, other_ymax)
    height -= np.maximum(ymin, other_ymin)
    height += 1
    np.maximum(height, 0, out=height)
    width = np.minimum(xmax, other_xmax)
    width -= np.maximum(xmin, other_xmin)
    width += 1
    np.maximum(width, 0, out=width)
    intersection = np.multiply(height, width, out=height)
    union = (ymax - ymin + 1) * (xmax - xmin + 1) + (other_ymax - other_ymin + 1) * (other_xmax - other_xmin + 1)
    union -= intersection
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(intersection, union, out=union)


def apply_nms(boxes, scores, threshold, max_boxes):
    """Greedy non-maximum suppression: which boxes to keep.

    The box with the highest score is kept and all boxes that overlap it by more than `threshold` are dropped, then the
    same with what is left, until `max_boxes` are kept. Boxes with equal scores come in the order in which they are
    given. What is kept above some score does not depend on the boxes below it.

    Args:
        boxes: (N, 4) ymin, xmin, ymax, xmax, pixels (see `overlaps` for what a pixel more or less means).
        scores: (N,).
        threshold: largest intersection over union that two kept boxes may have.
        max_boxes: at most so many are kept.

    Returns:
        (K,) int64 indexes of the kept boxes, in order of descending score.
    """
    boxes = _as_floating(boxes).reshape(-1, 4)
    scores = np.asarray(scores).reshape(-1)
    threshold = float(threshold)
    kept = np.zeros(0, np.int64)
    for candidates in _descending(scores, max_boxes):
        if len(kept):
            candidates = candidates[_clear_of(boxes[kept], boxes[candidates], threshold)]
        while len(candidates):
            if len(kept) >= max_boxes:
                return kept
            block, candidates = candidates[:_BLOCK], candidates[_BLOCK:]
            new = block[_keep_in_block(boxes[block], threshold, max_boxes - len(kept))]
            kept = np.concatenate([kept, new])
            if len(candidates) and len(kept) < max_boxes:
                candidates = candidates[_clear_of(boxes[new], boxes[candidates], threshold)]
    return kept


def _as_floating(array):
    array = np.asarray(array)
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)


def _descending(scores, wanted):
    """Indexes in order of descending score, equal scores by index, in parts.

    The first part, of about `8 * wanted` indexes, is mostly enough, and to find it takes a fraction of the time of
    sorting everything. The others are short enough that little is compared in vain.
    """
    first = 8 * max(wanted, 1)
    if len(scores) <= 2 * first:
        parts = [np.arange(len(scores))]
    else:
        limit = np.partition(scores, len(scores) - first)[len(scores) - first]
        parts = [np.flatnonzero(scores >= limit), np.flatnonzero(scores < limit)]
    for part in parts:
        part = part[np.argsort(-scores[part], kind="stable")]
        for start in range(0, len(part), _PART):
            yield part[start : start + _PART]


def _clear_of(boxes, others, threshold):
    """(N,) bool: which of `others` (N, 4) overlap none of `boxes` (M, 4) by more than `threshold`."""
    return (overlaps(boxes, others) <= threshold).all(axis=0)


def _keep_in_block(boxes, threshold, max_boxes):
    """`apply_nms` for a few boxes that are in order already: list of the kept indexes."""
    # One Python integer a row, its bits telling whom this box suppresses: far quicker to combine than short arrays.
    suppresses = np.packbits(~(overlaps(boxes, boxes) <= threshold), axis=1, bitorder="little")
    suppressed = 0
    kept = []
    for index, row in enumerate(suppresses):
        if not suppressed >> index & 1:
            kept.append(index)
            if len(kept) == max_boxes:
                break
            suppressed |= int.from_bytes(row.tobytes(), "little")
    return kept


def select_detections(
    boxes, scores, image_shape, min_score, nms_threshold, max_boxes, max_detections=None, always_above=None
):
    """The detections of one image, from all that the network says about its anchors.

    A box counts as a candidate of each class whose score is above `min_score`; the candidates of each class undergo
    `apply_nms` on their own. With `max_detections`, only the best of all classes together are kept.

    Args:
        boxes: (A, 4) ymin, xmin, ymax, xmax in [0, 1].
        scores: (A, C), column 0 is the background.
        image_shape: (2,) height and width of the image, pixels.
        min_score: candidates have a score above it.
        nms_threshold: see `apply_nms`.
        max_boxes: at most so many detections of each class.
        max_detections: at most so many detections of the image; None for no limit.
        always_above: detections with a score above it are kept beyond `max_detections`; None for no such exception.

    Returns:
        boxes (D, 4) float32 xmin, ymin, width, height in pixels; scores (D,) float32; labels (D,) int64. In order of
        the labels, and of descending score within a label.
    """
    boxes = np.asarray(boxes, np.float32)
    scores = np.asarray(scores, np.float32)
    height, width = (float(size) for size in np.asarray(image_shape).reshape(2))
    pixel_boxes = boxes * np.array([height, width, height, width], np.float32)
    # Python numbers are compared with float32 scores as float32, here and wherever scores meet a threshold.
    candidates = scores[:, 1:] > float(min_score)

    if max_detections is None:
        return _suppress(pixel_boxes, scores, candidates, nms_threshold, max_boxes)
    always = np.inf if always_above is None else float(always_above)
    # What is kept above some score does not depend on candidates below it. So the best candidates go first, and the
    # others are looked at only if these do not give `max_detections`.
    num_candidates = np.count_nonzero(candidates)
    enough = max(_FEW_CANDIDATES, 8 * max_detections)
    if num_candidates > 2 * enough:
        values = scores[:, 1:][candidates]
    while num_candidates > 2 * enough:
        limit = np.partition(values, len(values) - enough)[len(values) - enough]
        likely = candidates & ((scores[:, 1:] >= limit) | (scores[:, 1:] > always))
        found = _suppress(pixel_boxes, scores, likely, nms_threshold, max_boxes)
        if len(found[1]) >= max_detections:
            return _best(found, max_detections, always)
        enough *= 8
    found = _suppress(pixel_boxes, scores, candidates, nms_threshold, max_boxes)
    return _best(found, max_detections, always)


def _suppress(pixel_boxes, scores, candidates, nms_threshold, max_boxes):
    """`apply_nms` for each class; `candidates` is (A, C - 1) bool, the other arguments as in `select_detections`."""
    # Transposed, so that the anchors of one class lie side by side.
    by_class = np.ascontiguousarray(candidates.T)
    anchors, labels = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for column in np.flatnonzero(by_class.any(axis=1)):
        of_class = np.flatnonzero(by_class[column])
        kept = of_class[apply_nms(pixel_boxes[of_class], scores[of_class, column + 1], nms_threshold, max_boxes)]
        anchors.append(kept)
        labels.append(np.full(len(kept), column + 1, np.int64))
    anchors, labels = np.concatenate(anchors), np.concatenate(labels)
    ymin, xmin, ymax, xmax = pixel_boxes[anchors].T
    return np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=1), scores[anchors, labels], labels


def _best(found, max_detections, always):
    """Drops the detections that are neither among the `max_detections` best nor have a score above `always`."""
    scores = found[1]
    if len(scores) <= max_detections:
        return found
    chosen = scores > always
    chosen[np.argsort(-scores, kind="stable")[:max_detections]] = True
    return tuple(array[chosen] for array in found)
