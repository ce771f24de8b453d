import mindspore as ms
import numpy as np
import pytest

from src.layers.focal_loss import SigmoidFocalLoss

pytestmark = pytest.mark.usefixtures("cpu")
ZERO, LOG_3 = 0.0, np.log(3)  # probabilities 1/2 and 3/4


def test_by_hand():
    logits = np.array([[[ZERO, ZERO], [ZERO, LOG_3]], [[LOG_3, ZERO], [ZERO, ZERO]]], np.float32)
    labels = np.array([[1, 0], [0, 1]], np.int32)
    loss = SigmoidFocalLoss(gamma=2.0, alpha=0.75)(ms.Tensor(logits), ms.Tensor(labels)).asnumpy()
    # alpha (1 - p) ** 2 * -log(p) of the label's class, (1 - alpha) p ** 2 * -log(1 - p) of the others
    half_half = 0.75 / 4 * np.log(2) + 0.25 / 4 * np.log(2)
    wrong = 0.75 / 4 * np.log(2) + 0.25 * 9 / 16 * np.log(4)
    right = 0.75 / 16 * np.log(4 / 3) + 0.25 / 4 * np.log(2)
    np.testing.assert_allclose(loss, [half_half + wrong, right + half_half], rtol=1e-5)


def test_large_logits_do_not_overflow():
    logits = np.array([[[300.0, -300.0]]], np.float32)
    loss = SigmoidFocalLoss()
    assert loss(ms.Tensor(logits), ms.Tensor([[0]], ms.int32)).asnumpy().tolist() == [0]
    assert loss(ms.Tensor(logits), ms.Tensor([[1]], ms.int32)).asnumpy().tolist() == [0.75 * 300 + 0.25 * 300]
