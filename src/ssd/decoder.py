"""From the outputs of a detector to boxes and scores."""
from collections.abc import Sequence

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops


class SsdInferWithDecoder(nn.Cell):
    """A detector and the decoding of its outputs: image -> boxes `(B, A, 4)`, scores `(B, A, C)`.

    Boxes are `ymin xmin ymax xmax`, clipped to [0, 1]; class 0 of the scores is the background. Formula: the inverse of
    `BoxCoder.encode`.

    Args:
        network: image `(B, 3, H, W)` -> locations `(B, A, 4)`, logits `(B, A, C)`.
        default_boxes: `(A, 4)` float32 array, cy cx h w.
        prior_scaling: the two values of the `BoxCoder`.
        softmax: scores are a softmax over the classes; otherwise independent sigmoids.
    """

    def __init__(self, network: nn.Cell, default_boxes: np.ndarray, prior_scaling: Sequence[float],
                 softmax: bool = False) -> None:
        super().__init__()
        self.network = network
        self.softmax = softmax
        self.centres = Tensor(default_boxes[:, :2])  # (A, 2)
        self.sides = Tensor(default_boxes[:, 2:])  # (A, 2)
        self.centre_scaling, self.side_scaling = prior_scaling

    def construct(self, image: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        locations, logits = self.network(image)  # (B, A, 4), (B, A, C)
        locations = locations.astype(ms.float32)
        centres = self.centres + locations[:, :, :2] * self.centre_scaling * self.sides  # (B, A, 2) cy cx
        half = ops.exp(locations[:, :, 2:] * self.side_scaling) * self.sides / 2  # (B, A, 2) half of h w
        boxes = ops.concat((centres - half, centres + half), axis=-1)  # (B, A, 4)
        boxes = ops.maximum(ops.minimum(boxes, 1.0), 0.0)
        logits = logits.astype(ms.float32)
        return boxes, ops.softmax(logits, -1) if self.softmax else ops.sigmoid(logits)
