"""From the outputs of a detector to boxes and scores."""
import mindspore as ms
from mindspore import Tensor, nn, ops


class SsdInferWithDecoder(nn.Cell):
    """A detector with decoded boxes and scores: image -> boxes `(B, A, 4)`, scores `(B, A, C)`.

    Boxes are `ymin xmin ymax xmax`, clipped to [0, 1]; scores are independent sigmoids, column 0 is the background.
    Formula: the inverse of `BoxCoder.encode`.

    Args:
        network: image `(B, 3, H, W)` -> locations `(B, A, 4)`, logits `(B, A, C)`.
        default_boxes: `(A, 4)` float32 array, cy cx h w.
        prior_scaling: the two values of the `BoxCoder`.
    """

    def __init__(self, network, default_boxes, prior_scaling):
        super().__init__()
        self.network = network
        self.centres = Tensor(default_boxes[:, :2])  # (A, 2)
        self.sides = Tensor(default_boxes[:, 2:])  # (A, 2)
        self.centre_scaling, self.side_scaling = prior_scaling

    def construct(self, image):
        locations, logits = self.network(image)
        locations = locations.astype(ms.float32)
        centres = self.centres + locations[:, :, :2] * self.centre_scaling * self.sides
        half = ops.exp(locations[:, :, 2:] * self.side_scaling) * self.sides / 2
        boxes = ops.concat((centres - half, centres + half), axis=-1)
        boxes = ops.maximum(ops.minimum(boxes, 1.0), 0.0)
        return boxes, ops.sigmoid(logits.astype(ms.float32))
