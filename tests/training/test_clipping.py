"""Clipping by the global norm beside MindSpore's own."""
import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from src.training.clipping import clip_by_global_norm

pytestmark = pytest.mark.usefixtures("cpu")


class Clipping(nn.Cell):
    def __init__(self, clip, norm):
        super().__init__()
        self.clip, self.norm = clip, norm

    def construct(self, *gradients):
        return self.clip(gradients, self.norm)


@pytest.fixture
def gradients():
    rng = np.random.default_rng(0)
    return [ms.Tensor(rng.standard_normal(shape).astype(np.float32)) for shape in ((3, 4, 2, 2), (5,), (1,))]


@pytest.mark.parametrize("norm", [0.5, 1e3])
def test_the_numbers_of_mindspore(gradients, norm):
    pairs = zip(Clipping(clip_by_global_norm, norm)(*gradients), Clipping(ops.clip_by_global_norm, norm)(*gradients))
    for found, expected in pairs:
        np.testing.assert_allclose(found.asnumpy(), expected.asnumpy(), rtol=1e-6)


def test_small_gradients_stay_to_the_bit(gradients):
    for found, gradient in zip(Clipping(clip_by_global_norm, 1e3)(*gradients), gradients):
        np.testing.assert_array_equal(found.asnumpy(), gradient.asnumpy())


def test_not_a_number_stays_one(gradients):
    gradients[1] = ms.Tensor(np.full(5, np.nan, np.float32))
    found = Clipping(clip_by_global_norm, 0.5)(*gradients)
    assert np.isnan(found[1].asnumpy()).all()
