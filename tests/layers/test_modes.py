import mindspore as ms
import pytest
from mindspore import nn

from src.layers.modes import evaluation_mode

pytestmark = pytest.mark.usefixtures("cpu")


def test_the_mode_comes_back_after_an_error():
    net = nn.SequentialCell([nn.BatchNorm2d(2)]).set_train(True)
    with pytest.raises(RuntimeError), evaluation_mode(net):
        assert not net[0].training
        raise RuntimeError
    assert net.training
    assert net[0].training
    with evaluation_mode(net.set_train(False)):
        pass
    assert not net.training


def test_the_mode_of_a_shared_network_comes_back():
    shared = nn.SequentialCell([nn.BatchNorm2d(2)]).set_train(True)
    net = nn.SequentialCell([shared])  # as an inference network around the one that is trained: itself in no mode yet
    assert not net.training
    with evaluation_mode(net):
        assert not shared[0].training
    assert shared.training
    assert shared[0].training
    assert not net.training


def test_statistics_are_used_in_evaluation_mode():
    net = nn.BatchNorm2d(1).set_train(True)
    x = ms.Tensor([[[[1.0, 3.0]]]], ms.float32)
    with evaluation_mode(net):
        assert net(x).asnumpy().reshape(-1).tolist() == pytest.approx([1.0, 3.0], abs=1e-4)
    assert net(x).asnumpy().reshape(-1).tolist() == pytest.approx([-1.0, 1.0], abs=1e-4)
