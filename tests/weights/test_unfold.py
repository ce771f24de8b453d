"""BatchNorm back into a network that had it folded away."""
import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.cpu_kernels import use_cpu_kernels
from src.layers.blocks import ConvBNReLU
from src.weights.unfold import is_folded, unfold_batch_norm

pytestmark = pytest.mark.usefixtures("cpu")


class Small(nn.Cell):
    """Two convolutions with BatchNorm; two outputs, as those of a detector."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.SequentialCell([ConvBNReLU(3, 8, stride=2), ConvBNReLU(8, 6, kernel_size=1)])

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        y = self.layers(x)
        return y, y.mean((2, 3))


class Root(nn.Cell):
    def __init__(self, network: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return self.network(x)[0]


def folded_net():
    rng, net = np.random.default_rng(3), Small()
    for _, cell in net.cells_and_names():
        if isinstance(cell, nn.Conv2d):
            cell.weight.set_data(ms.Tensor(rng.normal(size=cell.weight.shape).astype(np.float32)))
        if isinstance(cell, nn.BatchNorm2d):
            cell.gamma.set_data(ms.Tensor(np.full(cell.gamma.shape, np.sqrt(1 + cell.eps), np.float32)))
            cell.beta.set_data(ms.Tensor(rng.normal(1, 2, size=cell.beta.shape).astype(np.float32)))
    return net


@pytest.mark.parametrize("kernels", [False, True])
def test_outputs_stay_and_statistics_are_those_of_the_images(kernels):
    net = folded_net()
    if kernels and not use_cpu_kernels(net):
        pytest.skip("the kernels cannot be compiled")
    images = np.random.default_rng(4).normal(0.3, 1, size=(12, 3, 16, 16)).astype(np.float32)
    assert is_folded(net)
    before = Root(net.set_train(False))(ms.Tensor(images)).asnumpy()
    names = [parameter.name for parameter in net.get_parameters()]
    unfold_batch_norm(net.set_train(True), [images[:4], images[4:8], images[8:]])
    assert net.training and not is_folded(net)
    assert [parameter.name for parameter in net.get_parameters()] == names
    after = Root(net.set_train(False))(ms.Tensor(images)).asnumpy()
    np.testing.assert_allclose(after, before, atol=1e-5)
    batch = Root(net.set_train(True))(ms.Tensor(images)).asnumpy()  # by the statistics of this batch
    np.testing.assert_allclose(batch, before, atol=1e-3)


def test_a_new_network_is_not_folded():
    assert not is_folded(Small())
    assert not is_folded(nn.Dense(2, 2))
