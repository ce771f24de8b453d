import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.box_utils import build_box_coder
from src.model_utils.errors import UserError
from src.ssd import build_training_net
from src.train_step import TrainingWrapper, build_train_step, freeze
from tests.golden_data import golden_arrays, golden_input, golden_json, golden_weight

pytestmark = pytest.mark.usefixtures("cpu")


def golden_net(config):
    net = build_training_net(config)
    for parameter in net.get_parameters():
        parameter.set_data(ms.Tensor(golden_weight(parameter.name, parameter.shape)))
    return net


def values_of(net):
    return {parameter.name: parameter.asnumpy().copy() for parameter in net.get_parameters()}


@pytest.mark.parametrize("variant", ["scale1024", "decay", "global_norm"])
def test_five_steps_of_momentum(config_of, variant):
    golden = golden_arrays("momentum.npz")
    row = list(golden["variants"]).index(variant)
    sens, loss_scale, decay, global_norm, num_match = golden["variant_settings"][row]
    config = config_of("ssd300_config.yaml")
    coder = build_box_coder(config)
    encoded = [coder.encode(golden[f"boxes_{index}"]) for index in range(8)]
    batch = [
        golden_input("momentum", (8, 3, 300, 300)),
        np.stack([one[0] for one in encoded]),
        np.stack([one[1] for one in encoded]),
        np.full((8, 1), int(num_match), np.int32),
    ]
    net = golden_net(config)
    optimizer = nn.Momentum(
        net.trainable_params(), ms.Tensor(golden["lr"]), 0.9, float(decay), loss_scale=float(loss_scale)
    )
    step = TrainingWrapper(net, optimizer, float(sens), bool(global_norm)).set_train(True)
    start = values_of(net)
    losses = []
    for number in (1, 2, 3, 4, 5):
        losses.append(float(step(*map(ms.Tensor, batch)).asnumpy()))
        if number in (1, 5):
            now = values_of(net)
            changes = np.array([np.linalg.norm((now[n] - start[n]).astype(np.float64)) for n in golden["param_names"]])
            expected = golden[f"{variant}/step{number}_delta_l2"]
            large = expected > (1e-5 if number == 1 else 1e-3)
            np.testing.assert_allclose(changes[large], expected[large], rtol=1e-2 if number == 1 else 2e-2)
        if number == 1:
            for index, name in enumerate(golden["selected"]):
                values = now[name].reshape(-1)[:64]
                np.testing.assert_allclose(values, golden[f"{variant}/p{index:02d}_step1"], atol=1e-5)
    np.testing.assert_allclose(losses[0], golden[f"{variant}/losses"][0], rtol=1e-5)
    np.testing.assert_allclose(losses, golden[f"{variant}/losses"], rtol=1e-4)
    assert int(optimizer.global_step.asnumpy()[0]) == 5


def test_a_training_checkpoint_has_the_parameters_of_the_original(config_of):
    config = config_of("ssd300_config.yaml")
    step = build_train_step(config, build_training_net(config), np.zeros(7, np.float32))
    found = [(parameter.name, list(parameter.shape)) for parameter in step.get_parameters()]
    assert found == [(row["name"], row["shape"]) for row in golden_json("ssd300/train_ckpt_params.json")]


def test_the_frozen_backbone_does_not_change(config_of):
    config = config_of("ssd300_config.yaml", "--freeze_layer=backbone", "--num_classes=2", "--classes=background,thing")
    net = build_training_net(config)
    step = build_train_step(config, net, np.full(2, 0.01, np.float32))
    image = np.random.default_rng(0).standard_normal((2, 3, 300, 300)).astype(np.float32)
    targets, labels, num_match = build_box_coder(config).encode([[0.1, 0.1, 0.7, 0.8, 1]])
    before = values_of(net)
    batch = (image, np.stack([targets] * 2), np.stack([labels] * 2), np.full((2, 1), num_match, np.int32))
    for _ in range(2):
        step(*map(ms.Tensor, batch))
    after = values_of(net)
    changed = {name for name in after if not np.array_equal(before[name], after[name])}
    backbone = {name for name in after if name.startswith("network.backbone.")}
    assert len(backbone) > 200
    assert not changed & backbone, "weights or statistics of the backbone"
    # after the backbone, statistics and the last layers of the head go on
    statistics = {name for name in set(after) - backbone if name.endswith("moving_mean")}
    assert changed >= statistics | {f"network.multi_box.multi_cls_layers.{level}.3.weight" for level in (0, 1, 2)}


def test_freezing_what_is_not_there(config_of):
    net = build_training_net(config_of("ssd300_config.yaml"))
    with pytest.raises(UserError, match="no parameter of the model begins with"):
        freeze(net, "network.trunk")


def test_a_batch_without_matches_gives_a_finite_loss(config_of):
    config = config_of("ssd300_config.yaml", "--num_classes=2", "--classes=background,thing")
    net = build_training_net(config)
    boxes = config.num_ssd_boxes
    loss = net(
        ms.ops.zeros((1, 3, 300, 300), ms.float32),
        ms.ops.zeros((1, boxes, 4), ms.float32),
        ms.ops.zeros((1, boxes), ms.int32),
        ms.ops.zeros((1, 1), ms.int32),
    )
    assert np.isfinite(loss.asnumpy())


class Line(nn.Cell):
    """Loss weight * x, summed: its gradient is the sum of x."""

    def __init__(self):
        super().__init__()
        self.weight = ms.Parameter(ms.Tensor([2.0], ms.float32), name="weight")

    def construct(self, x):
        return (self.weight * x).sum()


def line_step(scale, **arguments):
    net = Line()
    scaler = ms.amp.DynamicLossScaler(scale, 2, 2)
    return net, TrainingWrapper(net, nn.Momentum(net.trainable_params(), 0.5, 0.0), loss_scaler=scaler, **arguments)


def test_dynamic_loss_scale():
    net, step = line_step(1024.0)
    loss = step(ms.Tensor([1.0, 2.0], ms.float32))
    assert float(loss.asnumpy()) == 6.0  # not scaled
    np.testing.assert_allclose(net.weight.asnumpy(), [2.0 - 0.5 * 3.0])  # nor is the update
    step(ms.Tensor([0.0, 0.0], ms.float32))
    assert float(step.loss_scaler.scale_value.asnumpy()) == 2048.0  # after two steps without overflow
    assert int(step.skipped_steps.asnumpy()) == 0


def test_steps_that_overflow_are_skipped_and_counted():
    net, step = line_step(2.0**127)
    for number in (1, 2):
        step(ms.Tensor([3.0, 3.0], ms.float32))  # 6 * 2 ** 126 is beyond float32
        np.testing.assert_array_equal(net.weight.asnumpy(), [2.0])
        assert int(step.skipped_steps.asnumpy()) == number
        assert float(step.loss_scaler.scale_value.asnumpy()) == 2.0 ** (127 - number)
    step(ms.Tensor([3.0, 3.0], ms.float32))  # 6 * 2 ** 125 is not
    np.testing.assert_allclose(net.weight.asnumpy(), [-1.0])
    assert int(step.skipped_steps.asnumpy()) == 2


def test_clipping_after_dynamic_scaling():
    net, step = line_step(1024.0, use_global_norm=True)
    step(ms.Tensor([3.0, 1.0], ms.float32))  # the gradient 4 becomes 1
    np.testing.assert_allclose(net.weight.asnumpy(), [1.5], rtol=1e-6)


@pytest.mark.parametrize("flag", ["--amp_level=O1", "--amp_level=O2", "--amp_level=O3", "--use_float16=True"])
def test_lower_precision(config_of, flag):
    small = ("--num_classes=2", "--classes=background,thing", "--img_shape=64,64", "--feature_size=4,2,1,1,1,1",
             "--steps=16,32,64,64,64,64", "--num_ssd_boxes=-1", flag)
    config = config_of("ssd300_config.yaml", *small)
    net = build_training_net(config)
    golden = [row["name"] for row in golden_json("ssd300/params.json")]
    assert [parameter.name for parameter in net.get_parameters()] == golden
    step = build_train_step(config, net, np.full(1, 1e-4, np.float32))
    targets, labels, num_match = build_box_coder(config).encode([[0.1, 0.1, 0.9, 0.9, 1]])
    image = np.random.default_rng(0).standard_normal((2, 3, 64, 64)).astype(np.float32)
    batch = (image, np.stack([targets] * 2), np.stack([labels] * 2), np.full((2, 1), num_match, np.int32))
    half = step(*map(ms.Tensor, batch))
    assert half.dtype == ms.float32
    assert np.isfinite(half.asnumpy())
