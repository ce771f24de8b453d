"""Learning rates by the loss before training."""
from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.config import load_config
from src.runtime.distributed import ONE_RANK, Ranks
from src.training import auto_rates
from src.training.auto_rates import mean_loss, resolve_rates

pytestmark = pytest.mark.usefixtures("cpu")


class FirstInput(nn.Cell):
    """In place of a loss network: the mean of the image; twice that in training mode."""

    def construct(self, image: ms.Tensor, *rest: ms.Tensor) -> ms.Tensor:
        return image.mean() * (2 if self.training else 1)


def batches_of(*losses):
    names = ("image", "box", "label", "num_match")
    return iter([dict.fromkeys(names, np.full((2, 3), loss, np.float32)) for loss in losses])


EARLY = ("features_1.0", "features_1.1", "features_1.2", "features_1.3")


@pytest.mark.parametrize(("loss", "lr", "scale", "frozen", "text"), [
    (2.8, 0.02, 0.15, EARLY, "freeze_parts: features_1.0, features_1.1, features_1.2, features_1.3, since the loss"),
    (6.2, 0.1, 1.0, (), "freeze_parts: none, since the loss before training is 6.2: the weights do not know objects"),
])
def test_rates_by_the_loss_before_training(monkeypatch, caplog, loss, lr, scale, frozen, text):
    caplog.set_level("INFO")
    monkeypatch.setattr(auto_rates, "first_batches", lambda *arguments: batches_of(loss))
    config = load_config(["--model_name=ssd_mobilenet_v2", "--lr=auto", "--backbone_lr_scale=auto",
                          "--freeze_parts=auto"], for_training=True)
    net = FirstInput().set_train(True)
    chosen = resolve_rates(config, net, None, ONE_RANK)
    assert (chosen.lr, chosen.backbone_lr_scale, chosen.freeze_parts) == (lr, scale, frozen)
    assert net.training
    assert text in caplog.text
    assert f"{loss:.1f}" in caplog.text
    one = resolve_rates(load_config(["--lr=auto"], for_training=True), net, None, ONE_RANK)
    assert (one.lr, one.backbone_lr_scale, one.freeze_parts) == (lr, 1, ())


def test_only_the_first_rank_tells(monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(auto_rates, "FirstRankDecides", lambda ranks: SimpleNamespace(of=lambda value: 0))
    chosen = resolve_rates(load_config(["--lr=auto"], for_training=True), None, None, Ranks(1, 2))
    assert chosen.lr == 0.1
    assert "loss before training" not in caplog.text


def test_numbers_stay_without_a_look_at_the_data():
    config = load_config([], for_training=True)
    assert resolve_rates(config, None, None, ONE_RANK) is config


def test_the_loss_is_that_of_evaluation_mode():
    assert mean_loss(FirstInput().set_train(True), batches_of(1, 2, 6)) == pytest.approx(3)
