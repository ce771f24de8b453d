"""The smallest loss network, whose gradients can be worked out by hand."""
import mindspore as ms
from mindspore import nn


class Line(nn.Cell):
    """Loss weight * x, summed: its gradient is the sum of x. The weight, 2, is in `network`, as in a detector."""

    def __init__(self):
        super().__init__()
        self.network = nn.Cell()
        self.network.weight = ms.Parameter(ms.Tensor([2.0], ms.float32), name="network.weight")

    def construct(self, x):
        return (self.network.weight * x).sum()
