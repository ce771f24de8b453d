"""MindIR files."""
import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.inference.mindir import MindirModel
from src.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("cpu")


class Limited(nn.Cell):
    """A convolution with ReLU6, which makes 6 of infinite values."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 1)
        self.relu6 = nn.ReLU6()

    def construct(self, image):
        features = self.relu6(self.convolution(image))
        return features, 2 * features


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(tmp_path, value):
    net = Limited()
    weight = net.convolution.weight.asnumpy().copy()
    for name, first in (("whole", weight.flat[0]), ("broken", value)):
        weight.flat[0] = first
        net.convolution.weight.set_data(ms.Tensor(weight))
        ms.export(net, ms.Tensor(np.zeros((1, 3, 4, 4), np.float32)), file_name=str(tmp_path / name),
                  file_format="MINDIR")
    assert MindirModel(tmp_path / "whole.mindir").input_shape == (1, 3, 4, 4)
    with pytest.raises(UserError, match=r"broken\.mindir has values that are not finite numbers .* in 1 of its 1 "
                                        r"parameters: .*convolution\.weight"):
        MindirModel(tmp_path / "broken.mindir")
