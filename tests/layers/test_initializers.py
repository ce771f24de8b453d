import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.layers.initializers import init_fpn_lite, init_net_param, init_xavier

pytestmark = pytest.mark.usefixtures("cpu")


def network():
    ms.set_seed(1)
    return nn.SequentialCell([nn.Conv2d(16, 32, 3, has_bias=True, bias_init=7.0), nn.BatchNorm2d(32, gamma_init=5.0)])


def test_normal_weights():
    net = network()
    init_net_param(net)
    weight = net[0].weight.asnumpy()  # 4608 values
    assert weight.std() == pytest.approx(0.02, rel=0.05)
    assert abs(weight.mean()) < 0.002
    assert (net[0].bias.asnumpy() == 7).all() and (net[1].gamma.asnumpy() == 5).all()


def test_xavier():
    net = network()
    init_xavier(net)
    weight, bound = net[0].weight.asnumpy(), np.sqrt(6 / (9 * 16 + 9 * 32))
    assert 0.99 * bound < np.abs(weight).max() <= bound
    assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.05)
    assert (net[0].bias.asnumpy() == 7).all() and (net[1].gamma.asnumpy() == 5).all()


class Lite(nn.Cell):
    """The parts of SSD FPNLite whose names the function uses: a convolution, and the heads' last ones."""

    def __init__(self):
        super().__init__()
        self.tower = nn.Conv2d(16, 32, 3)
        self.multi_box = nn.Cell()
        self.multi_box.loc_layers = nn.CellList([nn.SequentialCell([nn.Conv2d(64, 64, 1)])])
        self.multi_box.cls_layers = nn.CellList([nn.SequentialCell([nn.Conv2d(64, 64, 1)])])


def test_fpn_lite():
    ms.set_seed(1)
    net = Lite()
    init_fpn_lite(net)
    assert net.tower.weight.asnumpy().std() == pytest.approx(np.sqrt(2 / (9 * 16)), rel=0.05)
    for layers in (net.multi_box.loc_layers, net.multi_box.cls_layers):
        assert layers[0][0].weight.asnumpy().std() == pytest.approx(0.01, rel=0.05)
