"""Frozen parts, learning rates, parameter groups, and the training step that the configuration describes."""
import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from src.boxes import build_box_coder
from src.cpu_kernels import use_cpu_kernels
from src.ssd import build_training_net
from src.training.group_momentum import GroupMomentum
from src.training.optimizer import build_train_step, create_learning_rates, freeze, loss_scale, scaled_groups
from src.training.step import TrainingWrapper
from src.utils.errors import UserError
from src.weights.parameter_names import is_training_state
from tests.support.data_parallel_driver import values_of
from tests.support.golden_data import golden_json
from tests.support.line_net import Line
from tests.support.small_models import SMALL_MULTIBOX

pytestmark = pytest.mark.usefixtures("cpu")


def test_a_training_checkpoint_has_the_parameters_of_the_original(config_of):
    config = config_of("ssd300_config.yaml")
    step = build_train_step(config, build_training_net(config), np.zeros(7, np.float32))
    found = [(parameter.name, list(parameter.shape)) for parameter in step.get_parameters()]
    assert found == [(row["name"], row["shape"]) for row in golden_json("ssd300/train_ckpt_params.json")]


@pytest.mark.parametrize(("flags", "expected"), [
    (["--device_target=GPU"], 1024.0),
    (["--device_target=CPU"], 1.0),
    (["--device_target=CPU", "--loss_scale=8"], 1.0),
    (["--device_target=CPU", "--loss_scale=8", "--dynamic_loss_scale=True"], 8.0),
])
def test_loss_scale(config_of, flags, expected):
    assert loss_scale(config_of("ssd300_config_gpu.yaml", *flags)) == expected


@pytest.mark.parametrize(("flag", "parts", "number"), [
    ("--freeze_layer=backbone", ("",), 265),
    ("--freeze_parts=features_1.0,features_1.2", ("features_1.0.", "features_1.2."), 20),
])
def test_what_is_frozen_does_not_change(config_of, flag, parts, number):
    config = config_of("ssd300_config.yaml", flag, "--num_classes=2", "--classes=background,thing", *SMALL_MULTIBOX)
    net = build_training_net(config)
    step = build_train_step(config, net, np.full(2, 0.01, np.float32))
    image = np.random.default_rng(0).standard_normal((2, 3, 96, 96)).astype(np.float32)
    targets, labels, num_match = build_box_coder(config).encode([[0.1, 0.1, 0.7, 0.8, 1]])
    before = values_of(net)
    batch = (image, np.stack([targets] * 2), np.stack([labels] * 2), np.full((2, 1), num_match, np.int32))
    for _ in range(2):
        step(*map(ms.Tensor, batch))
    after = values_of(net)
    changed = {name for name in after if not np.array_equal(before[name], after[name])}
    frozen = {name for name in after if name.startswith(tuple("network.backbone." + part for part in parts))}
    assert len(frozen) == number
    assert not changed & frozen, "weights or statistics"
    # elsewhere, statistics and the last layers of the head change
    statistics = {name for name in set(after) - frozen if name.endswith("moving_mean")}
    assert changed >= statistics | {f"network.multi_box.multi_cls_layers.{level}.3.weight" for level in (0, 1, 2)}


def test_freezing_what_is_not_there(config_of):
    config = config_of("ssd300_config.yaml", "--freeze_parts=features_1.0,features_1.30")
    net = build_training_net(config)
    with pytest.raises(UserError, match="freeze_layer: no parameter of the model begins with"):
        freeze(net, "network.trunk")
    with pytest.raises(UserError, match=r"freeze_parts: no parameter .* 'network.backbone.features_1.30.'"):
        build_train_step(config, net, np.full(2, 0.01, np.float32))


class Trunk(nn.Cell):
    """A convolution with BatchNorm as backbone, another as head: image -> a scalar."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.SequentialCell([nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU6()])
        self.head = nn.SequentialCell([nn.Conv2d(4, 2, 3), nn.BatchNorm2d(2)])

    def construct(self, image):
        return ops.exp(2 * self.head(self.backbone(image))).sum()


IMAGE = np.random.default_rng(0).standard_normal((2, 3, 6, 6)).astype(np.float32)


def trunk():
    """A `Trunk` with the same random parameters each time."""
    net = Trunk()
    rng = np.random.default_rng(1)
    for parameter in net.get_parameters():
        low = 0.1 if parameter.name.endswith("moving_variance") else -0.5
        parameter.set_data(ms.Tensor(rng.uniform(low, 0.5, parameter.shape), ms.float32))
    return net


def one_step(net, parameters, rate):
    """The change of each parameter in a step of plain gradient descent with weight decay."""
    before = values_of(net)
    optimizer = nn.Momentum(parameters, ms.Tensor(np.full(2, rate, np.float32)), 0.0, 0.5)
    step = TrainingWrapper(net, optimizer).set_train(True)
    step(ms.Tensor(IMAGE))
    return step, {name: value - before[name] for name, value in values_of(net).items()}


@pytest.mark.parametrize("kernels", [True, False])
def test_frozen_batch_norm(kernels):
    changes = {}
    for layers in ("frozen", "affine"):
        net = trunk()
        if kernels:
            assert use_cpu_kernels(net) == 4
        if layers == "frozen":
            assert freeze(net, "backbone.1", key="freeze_parts") == 4  # gamma, beta, moving mean and variance
        else:  # the same, written as a multiplication and an addition
            norm = net.backbone[1]
            net.backbone[1] = nn.Identity()
            scale = norm.gamma.asnumpy() / np.sqrt(norm.moving_variance.asnumpy() + norm.eps)
            shift = norm.beta.asnumpy() - norm.moving_mean.asnumpy() * scale
            net.backbone[2] = Affine(scale, shift)
        _, changes[layers] = one_step(net, net.trainable_params(), 0.01)
    for name in ("backbone.0.weight", "head.0.weight", "head.1.gamma", "head.1.moving_mean"):
        assert np.abs(changes["frozen"][name]).max() > 1e-4
        np.testing.assert_allclose(changes["frozen"][name], changes["affine"][name], rtol=1e-3, atol=1e-6)
    for part in ("gamma", "beta", "moving_mean", "moving_variance"):
        assert (changes["frozen"][f"backbone.1.{part}"] == 0).all()


class Affine(nn.Cell):
    def __init__(self, scale, shift):
        super().__init__()
        self.scale, self.shift = (ms.Tensor(values.reshape(1, -1, 1, 1), ms.float32) for values in (scale, shift))

    def construct(self, x):
        return ops.relu6(x * self.scale + self.shift)


def test_a_lower_rate_for_the_backbone():
    """Without momentum, weights move by gradient and decay times the rate; those of the backbone by a tenth of it."""
    net = trunk()
    _, moved = one_step(net, net.trainable_params(), 0.01)
    net = trunk()
    groups = scaled_groups(net.trainable_params(), "backbone", 0.1, np.full(2, 0.01, np.float32), 0.5)
    step, scaled = one_step(net, groups, 0.01)
    names = [parameter.name for parameter in net.trainable_params()]
    assert [parameter.name for parameter in step.weights] == names and len(names) == 6
    for name in names:
        assert np.abs(moved[name]).max() > 1e-5
        factor = 0.1 if name.startswith("backbone.") else 1.0
        np.testing.assert_allclose(scaled[name], factor * moved[name], rtol=1e-3, atol=1e-6, err_msg=name)
    rates = [parameter.name for parameter in step.get_parameters() if parameter.name.startswith("learning_rate")]
    assert len(rates) == 4 and all(map(is_training_state, rates))


@pytest.mark.parametrize("path", ["backbone", "head.0", ""])
def test_momentum_of_groups_is_that_of_mindspore(path):
    rates = np.array([0.01, 0.03, 0.02], np.float32)
    after = []
    for of_groups in (True, False):
        net = trunk()
        parameters = net.trainable_params()
        groups = scaled_groups(parameters, path, 0.3, rates, 0.5) if path else [
            {"params": parameters, "lr": ms.Tensor(rates)}, {"order_params": parameters}]
        if of_groups:
            optimizer = GroupMomentum(groups, [parameter.name.startswith(path) for parameter in parameters], rates,
                                      0.9, 0.5, 1.0)
        else:
            optimizer = nn.Momentum(groups, ms.Tensor(rates), 0.9, 0.5, 1.0)
        step = TrainingWrapper(net, optimizer).set_train(True)
        for _ in rates:
            step(ms.Tensor(IMAGE))
        after.append(values_of(step))
    assert after[0].keys() == after[1].keys()
    for name, value in after[0].items():
        np.testing.assert_array_equal(value, after[1][name], err_msg=name)


def test_a_part_without_parameters():
    net = trunk()
    with pytest.raises(UserError, match=r"backbone_lr_scale: no parameter that is trained begins with 'trunk.'"):
        scaled_groups(net.trainable_params(), "trunk", 0.1, np.ones(1, np.float32), 0.0)


def test_options_of_the_recipe_together(config_of):
    config = config_of(
        "ssd300_config.yaml", "--num_classes=2", "--classes=background,thing", "--img_shape=64,64",
        "--feature_size=4,2,1,1,1,1", "--steps=16,32,64,64,64,64", "--num_ssd_boxes=-1",
        "--backbone_lr_scale=0.1", "--use_global_norm=True", "--clip_norm=10")
    targets, labels, num_match = build_box_coder(config).encode([[0.1, 0.1, 0.7, 0.8, 1]])
    image = np.random.default_rng(0).standard_normal((2, 3, 64, 64)).astype(np.float32)
    batch = (image, np.stack([targets] * 2), np.stack([labels] * 2), np.full((2, 1), num_match, np.int32))
    step = build_train_step(config, build_training_net(config), np.full(8, 0.01, np.float32))
    losses = [float(step(*map(ms.Tensor, batch)).asnumpy()) for _ in range(8)]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


def test_too_few_steps_for_an_update(config_of):
    config = config_of("ssd300_config.yaml", "--accumulation_steps=5")
    with pytest.raises(UserError, match="accumulation_steps is 5, and the whole run has 4 steps"):
        build_train_step(config, Line(), np.full(4, 0.05, np.float32))


@pytest.mark.parametrize(("flags", "num_ranks", "factor"), [
    ([], 4, 1), (["--lr_batch_size=16"], 1, 0.25), (["--lr_batch_size=16", "--accumulation_steps=2"], 4, 2),
])
def test_rates_in_proportion_to_the_images_of_an_update(config_of, flags, num_ranks, factor):
    base = ["ssd300_config.yaml", "--batch_size=4", "--epoch_size=6", "--lr=0.1", "--lr_init=0.01"]
    rates = create_learning_rates(config_of(*base, *flags), 5, num_ranks)
    np.testing.assert_allclose(rates, factor * create_learning_rates(config_of(*base), 5), rtol=1e-6)
    assert rates.max() == pytest.approx(0.1 * factor) and rates[0] == pytest.approx(0.01 * factor)
