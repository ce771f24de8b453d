"""The EMA of the weights: its values, what is evaluated and saved, what continues in a later run."""
import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.config import load_config
from src.ssd import build_inference_net, build_training_net
from src.training.ema import EMA, build_ema
from src.training.optimizer import build_train_step
from src.training.step import TrainingWrapper
from src.utils.errors import UserError
from src.weights import load_weights, read_checkpoint, save_checkpoint
from tests.support.data_parallel_driver import FLAGS
from tests.support.line_net import Line

pytestmark = pytest.mark.usefixtures("cpu")


def test_values_by_hand():
    net, other = Line(), Line()
    ema = EMA(other.network, net.network, decay=0.2)
    step = TrainingWrapper(net, nn.Momentum(net.trainable_params(), 0.5, 0.0), ema=ema)
    mean, expected, found = 2.0, [], []
    for number, decay in zip((1, 2, 3), (2 / 11, 0.2, 0.2)):
        step(ms.Tensor([number], ms.float32))
        mean = decay * mean + (1 - decay) * float(net.network.weight.asnumpy()[0])
        expected.append(mean)
        found.append(float(other.network.weight.asnumpy()[0]))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    (saved,) = ema.checkpoint()
    assert saved["name"] == "network.weight" and float(saved["data"].asnumpy()[0]) == found[-1]


@pytest.fixture(scope="module")
def trained(cpu, tmp_path_factory):
    """A small detector after three steps with EMA and accumulation, and the files of both kinds of checkpoints."""
    config = load_config([*FLAGS, "--use_ema=True", "--run_eval=True", "--accumulation_steps=2"])
    step = build_train_step(config, build_training_net(config), np.full(4, 0.05, np.float32))
    rng = np.random.default_rng(0)
    boxes = config.num_ssd_boxes
    labels = (rng.random((2, boxes)) < 0.1).astype(np.int32)
    batch = (rng.standard_normal((2, 3, 64, 64)).astype(np.float32),
             rng.standard_normal((2, boxes, 4)).astype(np.float32), labels,
             labels.sum(1, keepdims=True).astype(np.int32))
    for _ in range(3):
        step(*map(ms.Tensor, batch))
    folder = tmp_path_factory.mktemp("trained")
    save_checkpoint(step, folder / "ssd-1_3.ckpt")
    save_checkpoint(step.ema.checkpoint(), folder / "best_map.ckpt")
    return config, step, folder


def test_evaluation_uses_the_ema(trained):
    config, step, folder = trained
    image = ms.Tensor(np.random.default_rng(1).standard_normal((1, 3, 64, 64)).astype(np.float32))
    outputs = {}
    for name in ("best_map", "ssd-1_3"):
        net = build_inference_net(config)
        load_weights(net, folder / f"{name}.ckpt")
        outputs[name] = net(image)[1].asnumpy()
    of_mean = step.ema.inference_net.set_train(False)(image)[1].asnumpy()
    np.testing.assert_allclose(of_mean, outputs["best_map"], atol=1e-6)
    assert np.abs(outputs["best_map"] - outputs["ssd-1_3"]).max() > 1e-5


def test_the_ema_continues_in_a_run_from_a_later_epoch(trained):
    config, step, folder = trained
    flags = [*FLAGS, "--use_ema=True", "--run_eval=True", "--pre_trained_epoch_size=1"]
    again = build_train_step(load_config([*flags, f"--pre_trained={folder / 'ssd-1_3.ckpt'}"]),
                             build_training_net(config), np.full(4, 0.05, np.float32))
    assert float(again.ema.steps.asnumpy()) == 1.0
    for mean, before in zip(again.ema.means, step.ema.means):
        np.testing.assert_array_equal(mean.asnumpy(), before.asnumpy())


def test_means_that_are_no_numbers_are_refused(trained, tmp_path):
    config, _, folder = trained
    content = [{"name": name, "data": value} for name, value in read_checkpoint(folder / "ssd-1_3.ckpt").items()]
    mean = next(entry for entry in content if entry["name"].startswith("ema."))
    mean["data"] = ms.Tensor(np.full(mean["data"].shape, np.inf, np.float32))
    save_checkpoint(content, tmp_path / "a.ckpt")
    flags = [*FLAGS, "--use_ema=True", "--run_eval=True", "--pre_trained_epoch_size=1",
             f"--pre_trained={tmp_path / 'a.ckpt'}"]
    with pytest.raises(UserError, match=r"a\.ckpt has values that are not finite .* in 1 of its"):
        build_ema(load_config(flags), build_training_net(config))
