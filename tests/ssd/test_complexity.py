import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.ssd.complexity import NetworkSize, measure_network

pytestmark = pytest.mark.usefixtures("cpu")


def test_a_network_counted_by_hand():
    net = nn.SequentialCell([
        nn.Conv2d(3, 4, 3, stride=2, pad_mode="same", has_bias=False), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Conv2d(4, 4, 3, pad_mode="same", group=4, has_bias=False), nn.Flatten(), nn.Dense(48, 5),
    ])
    net[5].bias.requires_grad = False
    net.set_train(True)
    size = measure_network(net, (8, 6))
    # weights 3 * 4 * 9, BatchNorm 4 + 4, depthwise weights 4 * 9, matrix 48 * 5; the frozen bias does not count
    assert size.parameters == 108 + 8 + 36 + 240
    # multiply-adds: 4 x 3 places with 4 channels of 27, 4 x 3 places with 4 channels of 9, 5 sums of 48; each is two
    assert size.flops == 2 * (12 * 4 * 27 + 12 * 4 * 9 + 5 * 48) == 3936
    # 48 values of each of the first five layers, 5 of the last; 4 bytes each
    assert size.activation_bytes == 4 * (5 * 48 + 5)
    assert size.prediction_bytes == 4 * 5
    assert net.training and net[1].training
    assert ms.get_context("mode") == ms.GRAPH_MODE
    np.testing.assert_array_equal(net[1].moving_mean.asnumpy(), 0)


def test_memory_of_a_training_step():
    size = NetworkSize(parameters=1_000_000, flops=1, activation_bytes=50_000_000, prediction_bytes=1_000_000)
    # 1 GB for the process, 6 copies of the parameters; for each image the activations and 20 copies of predictions
    assert size.training_bytes(3) == 1_000_000_000 + 24_000_000 + 3 * (50_000_000 + 20_000_000)
