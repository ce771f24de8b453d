"""Comparison of an exported file with the network that it was made from."""
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from mindspore import nn

from src.boxes import select_detections
from src.boxes.box_ops import tlbr_to_xywh
from src.inference import load_predictor
from src.inference.metadata import ModelMetadata
from src.inference.network import NetworkPredictor
from src.inference.onnx_runtime import OnnxModel, create_session
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
# Largest difference of a box, in [0, 1], or a score. In low precision single ones may be far off: their mean counts.
LARGEST_DIFFERENCE = 1e-4
MEAN_DIFFERENCE = {"fp16": 1e-3, "int8": 2e-2}
# Rounding of a box in pixels.
PIXELS = 1e-3


def verify_export(net: nn.Cell, path: Path | str, net_batch: int, images: np.ndarray, kind: str) -> float:
    """Loads the file again and compares it with the network; a `UserError` where they differ by more than they may.

    Args:
        net: the network.
        path: MindIR or ONNX file.
        net_batch: number of images that the network takes at a time.
        images: `(B, 3, H, W)` float32 normalised, B as the file takes them.
        kind: what the images are, for the messages.

    Returns:
        The largest difference of boxes and scores.
    """
    model = load_predictor(path)
    assert isinstance(model, OnnxModel | NetworkPredictor) and model.metadata
    if isinstance(model, OnnxModel):
        found = model.run(*model.own_inputs(images)) if model.nms is None else _check_nms(model, model.metadata, images)
    else:
        found = model.run(images)
    network = NetworkPredictor(net)
    parts = [network.run(images[start : start + net_batch]) for start in range(0, len(images), net_batch)]
    differences = [np.abs(one - np.concatenate(other)) for one, other in zip(found, zip(*parts))]
    measures: Sequence[Callable[[np.ndarray], float]] = (np.max, np.mean)
    largest, mean = (float(np.max([measure(array) for array in differences])) for measure in measures)

    precision = model.metadata.precision
    if precision in MEAN_DIFFERENCE:
        name, size, limit = "mean", mean, MEAN_DIFFERENCE[precision]
    else:
        name, size, limit = "largest", largest, LARGEST_DIFFERENCE
    logger.info("%s (%s) against the network, %s: largest difference of boxes %.1e, of scores %.1e (allowed: %s %.0e)",
                path, precision, kind, *map(np.max, differences), name, limit)
    if not size <= limit:  # also for NaN
        raise UserError(f"{path} does not agree with the network: {name} difference {size:.1e} on {kind}, allowed "
                        f"{limit:.0e}")
    return largest


def _check_nms(model: OnnxModel, metadata: ModelMetadata, images: np.ndarray) -> Sequence[np.ndarray]:
    """Checks the NMS inside a file, and returns its inputs: boxes and scores of all anchors."""
    import onnx

    from src.export.onnx_graph import ANCHOR_OUTPUTS

    content = onnx.load(model.path)
    content.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in ANCHOR_OUTPUTS
    )
    session = create_session(content.SerializeToString())
    image_shapes = np.array([(480 + 10 * row, 640) for row in range(len(images))], np.float32)
    inputs = dict(zip(model.input_names, model.own_inputs(images, image_shapes)))
    *detections, boxes, scores = session.run(None, inputs)
    for row, (found_boxes, found_scores, labels, count) in enumerate(zip(*detections)):
        xywh, expected_scores, expected_labels = select_detections(boxes[row], scores[row], image_shapes[row],
                                                                   metadata.nms, stable=True)
        agree = (
            count == len(expected_labels) and (labels[:count] == expected_labels).all()
            and np.array_equal(found_scores[:count], expected_scores)
            and np.allclose(tlbr_to_xywh(found_boxes[:count]), xywh, atol=PIXELS)
        )
        if not agree:
            raise UserError(f"{model.path} finds {count} objects in image {row} where the evaluation finds "
                            f"{len(expected_labels)}, or other ones")
    return boxes, scores
