"""A network around a backbone alone, and values for its parameters."""
import numpy as np
from mindspore import nn


class Detector(nn.Cell):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Conv2d(8, 8, 1)


class BackboneNet(nn.Cell):
    """Has the detector as `network`, like the networks for training and inference."""

    def __init__(self, backbone):
        super().__init__()
        self.network = Detector(backbone)


def random_values(shapes):
    """Arrays for names and shapes; variances are positive."""
    rng = np.random.default_rng(0)
    return {
        name: np.abs(rng.normal(size=shape)).astype(np.float32) + 0.5
        if name.endswith(("gamma", "moving_variance"))
        else rng.normal(size=shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def backbone_values(net):
    """Arrays of the backbone of a `BackboneNet` by name."""
    return {p.name[len("network.backbone."):]: p.asnumpy() for p in net.network.backbone.get_parameters()}


def shapes_of(cell):
    """Shapes of the parameters by name."""
    return {p.name: tuple(p.shape) for p in cell.get_parameters()}
