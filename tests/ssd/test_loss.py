"""The loss of detectors with independent sigmoids, image by image."""
import mindspore as ms
import numpy as np
import pytest

from src.layers.focal_loss import SigmoidFocalLoss
from src.ssd import MultiBoxLoss, SSDLoss
from src.ssd.builder import build_loss

pytestmark = pytest.mark.usefixtures("cpu")


def test_both_losses_of_an_image():
    rng = np.random.default_rng(3)
    locations, targets = rng.normal(size=(2, 3, 6, 4)).astype(np.float32) * 2
    logits = rng.normal(size=(3, 6, 3)).astype(np.float32)
    labels = np.array([[0, 1, 2, 0, 0, 1], [0] * 6, [2] * 6], np.int32)
    classification, localisation = SSDLoss()(*map(ms.Tensor, (locations, logits, targets, labels)))
    focal = SigmoidFocalLoss(2.0, 0.75)(ms.Tensor(logits), ms.Tensor(labels))
    np.testing.assert_array_equal(classification.asnumpy(), focal.asnumpy())
    distance = np.abs(locations - targets)
    smooth = np.where(distance < 1, distance**2 / 2, distance - 0.5).sum(axis=-1)
    np.testing.assert_allclose(localisation.asnumpy(), (smooth * (labels > 0)).sum(axis=1), rtol=1e-5)
    assert localisation[1] == 0


def test_the_model_chooses(config_of):
    assert isinstance(build_loss(config_of("ssd300_config.yaml")), SSDLoss)
    assert isinstance(build_loss(config_of("ssd300_mmdet_config.yaml")), MultiBoxLoss)
