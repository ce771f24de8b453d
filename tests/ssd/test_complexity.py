import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.ssd.complexity import NetworkSize, measure_network
from src.training.auto_settings import fitting_batch_size, total_memory
from src.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("cpu")


def test_a_network_counted_by_hand():
    net = nn.SequentialCell([nn.Conv2d(3, 4, 3, stride=2, pad_mode="same"), nn.BatchNorm2d(4), nn.ReLU()])
    net.set_train(True)
    size = measure_network(net, (8, 6))
    assert size.parameters == 3 * 4 * 9 + 4 + 4
    assert size.flops == 2 * 4 * 4 * 3 * 27  # 4 x 3 places, 4 channels, 27 multiplications and additions each
    assert size.activation_bytes == 3 * 4 * (4 * 4 * 3)
    assert size.prediction_bytes == 4 * (4 * 4 * 3)
    assert net.training and net[1].training
    assert ms.get_context("mode") == ms.GRAPH_MODE
    np.testing.assert_array_equal(net[1].moving_mean.asnumpy(), 0)


def test_batch_size_for_the_memory():
    size = NetworkSize(parameters=4_000_000, flops=1, activation_bytes=100_000_000, prediction_bytes=1_000_000)
    batches = [fitting_batch_size(size, 10_000, memory) for memory in (2.5e9, 4e9, 8e9, 1e12)]
    assert batches == sorted(batches) and batches[0] < batches[1] < batches[2] <= batches[3] == 16
    for batch, memory in zip(batches[:3], (2.5e9, 4e9, 8e9)):
        assert size.training_bytes(batch) <= 0.6 * memory < size.training_bytes(2 * batch)
    assert fitting_batch_size(size, 10_000, 8e9, ranks=2) == batches[1]  # they share the memory
    assert fitting_batch_size(size, 40, 1e12) == 4  # ten steps an epoch
    assert fitting_batch_size(size, 3, 1e12) == 1
    with pytest.raises(UserError, match="one image takes about"):
        fitting_batch_size(size, 10_000, 1e9)


def test_memory_of_this_machine():
    assert 1e8 < total_memory() < 1e14
