"""A network around a backbone alone."""
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
