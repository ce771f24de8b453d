import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.ssd import MultiBoxLoss, SSDLoss, with_cpu_kernels
from src.ssd.builder import build_loss, set_precision

pytestmark = pytest.mark.usefixtures("cpu")


@pytest.mark.parametrize(("amp_level", "conv", "batch_norm", "pool"), [
    ("O0", "Float32", "Float32", "Float32"),
    ("O1", "Float16", "Float32", "Float32"),
    ("O2", "Float16", "Float32", "Float16"),
    ("O3", "Float16", "Float16", "Float16"),
])
def test_precision_of_each_layer(amp_level, conv, batch_norm, pool):
    net = nn.SequentialCell([nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.MaxPool2d(2, 2)])
    set_precision(net, amp_level)
    found = []
    for cell in net:
        cell.register_forward_hook(lambda cell, inputs, output: found.append(str(output.dtype)))
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        net(ms.Tensor(np.ones((1, 3, 8, 8), np.float32)))
    finally:
        ms.set_context(mode=ms.GRAPH_MODE)
    assert found == [conv, batch_norm, pool]
    assert {str(parameter.dtype) for parameter in net.get_parameters()} == {"Float32"}


def test_the_model_chooses_the_loss(config_of):
    assert isinstance(build_loss(config_of("ssd300_config.yaml")), SSDLoss)
    assert isinstance(build_loss(config_of("ssd300_mmdet_config.yaml")), MultiBoxLoss)


@pytest.mark.parametrize("flag", ["--cpu_kernels=False", "--use_float16=True", "--amp_level=O1"])
def test_kernels_only_in_float32_and_where_wanted(config_of, flag):
    net = nn.SequentialCell([nn.Conv2d(3, 4, 3)])
    assert with_cpu_kernels(config_of("ssd300_config.yaml", "--device_target=CPU", flag), net) is net
    assert type(net[0]) is nn.Conv2d
