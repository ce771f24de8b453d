"""Networks with the kernels against the same networks with the cells of `nn`."""
import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from src.boxes import build_box_coder
from src.cpu_kernels import use_cpu_kernels
from src.cpu_kernels.cells import KERNEL_CELLS, LAYERS, KernelBatchNorm2d, KernelConv2d
from src.cpu_kernels.chains import layers_with_one_user
from src.cpu_kernels.library import BuildError, build_library
from src.layers.blocks import BatchNormReLU
from src.ssd import build_inference_net, build_training_net
from src.training.optimizer import build_train_step
from src.training.step import TrainingWrapper
from tests.support.small_models import SMALL_MULTIBOX, SMALL_PYRAMID, SMALL_VGG

pytestmark = pytest.mark.usefixtures("cpu")

SMALL = ("--num_classes=2", "--classes=background,thing", "--device_target=CPU", "--use_float16=False")


@pytest.fixture(scope="module", autouse=True)
def _compiler():
    try:
        build_library()
    except BuildError as error:
        pytest.skip(str(error))


class Mixed(nn.Cell):
    """Every kind of cell that has a kernel, and some that have none."""

    def __init__(self):
        super().__init__()
        self.first = nn.SequentialCell([nn.Conv2d(3, 8, 3, 2, has_bias=True), nn.BatchNorm2d(8, eps=1e-3), nn.ReLU6()])
        self.depthwise = nn.SequentialCell(
            [nn.Conv2d(8, 8, 3, 2, "pad", 1, group=8), nn.BatchNorm2d(8, momentum=0.7), nn.ReLU()]
        )
        self.wide = nn.Conv2d(8, 32, 3)
        self.pool = nn.MaxPool2d(3, 1, "same")
        self.winograd = nn.Conv2d(32, 32, 3, has_bias=True)
        self.norm = BatchNormReLU(32)
        self.grouped = nn.Conv2d(32, 16, 3, group=4)
        self.uneven = nn.Conv2d(16, 4, (1, 3), padding=(0, 0, 1, 1), pad_mode="pad")
        self.shared = self.uneven

    def construct(self, x):
        x = self.winograd(self.wide(self.pool(self.depthwise(self.first(x)))))
        return self.shared(self.grouped(self.norm(x)))


class Gradients(nn.Cell):
    """x -> result, gradients of all parameters and of x."""

    def __init__(self, net):
        super().__init__(auto_prefix=False)
        self.net = net
        self.run = ops.value_and_grad(self.loss, 0, net.trainable_params(), has_aux=True)

    def loss(self, x):
        y = self.net(x)
        return (y * y).sum(), y

    def construct(self, x):
        return self.run(x)


def draw(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def values_of(net):
    return {parameter.name: parameter.asnumpy().copy() for parameter in net.get_parameters()}


def copy_values(source, target):
    for one, other in zip(source.get_parameters(), target.get_parameters()):
        other.set_data(ms.Tensor(one.asnumpy()))


def close(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def test_cells_with_kernels_agree_with_those_without():
    plain, net = Mixed(), Mixed()
    copy_values(plain, net)
    names = [(parameter.name, parameter.shape) for parameter in net.get_parameters()]
    assert use_cpu_kernels(net, threads=2) == 8
    assert [(parameter.name, parameter.shape) for parameter in net.get_parameters()] == names
    assert isinstance(net.first[0], KernelConv2d)
    assert isinstance(net.first[1], KernelBatchNorm2d)
    assert type(net.grouped) is nn.Conv2d
    assert type(net.uneven) is nn.Conv2d

    x = ms.Tensor(np.random.default_rng(0).standard_normal((4, 3, 61, 78)).astype(np.float32))
    results = []
    for one in (plain, net):
        (_, y), (dx, gradients) = Gradients(one.set_train(True))(x)
        results.append([y, dx, *gradients])
    for number, (found, expected) in enumerate(zip(results[1], results[0])):
        # sums over the image that BatchNorm makes zero but for rounding: the biases of convolutions before it
        if np.abs(expected.asnumpy()).max() > 1e-2:
            close(found.asnumpy(), expected.asnumpy(), 1e-4 if number else 1e-5)
    expected = values_of(plain)
    for name, found in values_of(net).items():
        close(found, expected[name])  # the moving statistics too
    close(net.set_train(False)(x).asnumpy(), plain.set_train(False)(x).asnumpy())


def test_cells_with_bfloat16(caplog):
    """Against float32, where a chain of layers stores its results in bfloat16 and its last one float32.

    Errors are compared as a whole: where a value near 0 is rounded to the other side, ReLU6 lets another gradient pass.
    """
    caplog.set_level("INFO")

    def build():
        inner = [nn.Conv2d(3, 16, 3, 2), nn.BatchNorm2d(16), nn.ReLU6(), nn.Conv2d(16, 16, 3, group=16),
                 nn.Conv2d(16, 8, 1, has_bias=True)]
        return nn.SequentialCell([nn.SequentialCell(inner), nn.Conv2d(8, 4, 3)])

    plain, net = build(), build()
    copy_values(plain, net)
    use_cpu_kernels(plain, threads=2)
    assert use_cpu_kernels(net, threads=2, precision="bf16") == 5
    assert "bfloat16" in caplog.text
    x = ms.Tensor(draw(np.random.default_rng(0), 4, 3, 40, 33))
    results = []
    for one in (plain, net):
        (_, y), (dx, gradients) = Gradients(one.set_train(True))(x)
        results.append([value.asnumpy() for value in (y, dx, *gradients)])
    errors = [np.linalg.norm(found - expected) / np.linalg.norm(expected) for found, expected in zip(*results[::-1])]
    assert errors[0] < 0.02 and max(errors) < 0.1, errors
    assert min(errors) > 1e-4, errors  # it is not float32
    assert {value.dtype.name for value in results[1]} == {"float32"}
    expected = values_of(plain)
    for name, found in values_of(net).items():
        close(found, expected[name], 0.01)


def narrow_layers(net, prefix):
    """Names of the layers below `prefix` whose results are stored in bfloat16, without it."""
    narrow = layers_with_one_user(net, LAYERS)
    names = [name for name, cell in net.cells_and_names() if id(cell) in narrow]
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def test_which_results_are_stored_in_bfloat16(config_of):
    """Never one that MindSpore's own operators take: taps, residuals, and what goes to the loss."""
    def build(name, *flags):
        net = build_training_net(config_of(name, *SMALL, *flags, "--cpu_precision=bf16"))
        return net.network

    net = build("ssd300_config.yaml", *SMALL_MULTIBOX)
    assert narrow_layers(net, "backbone.features_1.2.conv.") == [
        "0.features.0", "0.features.1", "1.features.0", "1.features.1", "2"]
    # the stem, and a block whose result is not added to anything
    assert narrow_layers(net, "backbone.features_1.0.") == ["features.0", "features.1"]
    assert narrow_layers(net, "backbone.features_1.1.conv.") == ["0.features.0", "0.features.1", "1", "2"]
    assert narrow_layers(net, "multi_box.multi_cls_layers.0.") == ["0", "1"]
    net = build("ssd_vgg16_config.yaml", *SMALL_VGG)
    assert narrow_layers(net, "backbone.b1.") == ["0", "1", "2", "3"]  # to the pooling and the next block
    assert narrow_layers(net, "backbone.b4.") == ["0", "1", "2", "3", "4"]
    net = build("ssd_resnet50_fpn_config.yaml", *SMALL_PYRAMID)
    assert narrow_layers(net, "feature_extractor.resnet.layer1.1.") == ["conv1", "bn1", "conv2", "bn2", "conv3"]
    stem = [narrow_layers(net, f"feature_extractor.resnet.{name}") for name in ("conv1", "bn1")]
    assert stem == [[""], []]  # the pooling's result has two users
    net = build("ssd_efficientnet_lite0_config.yaml")
    taps = {number: narrow_layers(net, f"backbone.blocks.{number}.") for number in (10, 11)}
    assert taps[10] == ["expand.features.0", "expand.features.1", "depthwise.features.0", "depthwise.features.1",
                        "project.0"]
    assert taps[11] == ["expand.features.0", "depthwise.features.0", "depthwise.features.1", "project.0"]


def test_frozen_statistics():
    plain = nn.SequentialCell([nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 2, 1)])
    net = nn.SequentialCell([nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 2, 1)])
    copy_values(plain, net)
    use_cpu_kernels(net)
    x = ms.Tensor(np.random.default_rng(0).standard_normal((2, 3, 16, 16)).astype(np.float32))
    for one in (plain, net):
        one[1].use_batch_statistics = False
        one.set_train(True)
    close(net(x).asnumpy(), plain(x).asnumpy())
    np.testing.assert_array_equal(net[1].moving_mean.asnumpy(), 0)


class MixedLoss(nn.Cell):
    """Image, target -> mean squared error of `Mixed`."""

    def __init__(self):
        super().__init__()
        self.network = Mixed()

    def construct(self, x, target):
        return ((self.network(x) - target) ** 2).mean()


def test_twenty_steps():
    """On maps large enough for BatchNorm: on maps of one pixel it makes rounding errors large in any implementation."""
    start, losses = MixedLoss(), {}
    rng = np.random.default_rng(0)
    batch = [ms.Tensor(draw(rng, 8, 3, 64, 64)), ms.Tensor(draw(rng, 8, 4, 16, 16))]
    for kind in ("plain", "kernels", "again"):
        net = MixedLoss()
        copy_values(start, net)
        if kind != "plain":
            use_cpu_kernels(net, threads=2)
        step = TrainingWrapper(net, nn.Momentum(net.trainable_params(), 0.05, 0.9)).set_train(True)
        losses[kind] = [float(step(*batch).asnumpy()) for _ in range(20)]
    np.testing.assert_allclose(losses["kernels"], losses["plain"], rtol=1e-3)
    assert losses["again"] == losses["kernels"]
    assert losses["plain"][-1] < 0.99 * losses["plain"][0]


def test_first_loss_of_a_detector(config_of):
    losses, values = [], None
    for flag in ("--cpu_kernels=False", "--cpu_kernels=True"):
        config = config_of("ssd300_config.yaml", *SMALL, *SMALL_MULTIBOX, flag)
        net = build_training_net(config)
        values = values or values_of(net)
        for parameter in net.get_parameters():
            parameter.set_data(ms.Tensor(values[parameter.name]))
        step = build_train_step(config, net, np.full(1, 1e-3, np.float32))
        encoded = build_box_coder(config).encode([[0.1, 0.1, 0.9, 0.9, 1]])
        targets, labels, num_match = (np.stack([np.asarray(array)] * 4) for array in encoded)
        batch = (draw(np.random.default_rng(0), 4, 3, *config.img_shape), targets, labels,
                 num_match.reshape(-1, 1).astype(np.int32))
        losses.append(float(step(*map(ms.Tensor, batch)).asnumpy()))
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


def test_where_kernels_are_used(config_of, monkeypatch, caplog):
    caplog.set_level("INFO")
    flags = (*SMALL, *SMALL_MULTIBOX)

    def kernels_of(net):
        return sum(isinstance(cell, KERNEL_CELLS) for _, cell in net.cells_and_names())

    assert kernels_of(build_training_net(config_of("ssd300_config.yaml", *flags))) == 167
    assert [record.getMessage() for record in caplog.records if "CPU kernels" in record.getMessage()] == [
        next(record.getMessage() for record in caplog.records if "CPU kernels: 167 cells" in record.getMessage())
    ]
    for other in ("--device_target=Ascend", "--cpu_kernels=False", "--use_float16=True", "--amp_level=O2"):
        assert kernels_of(build_training_net(config_of("ssd300_config.yaml", *flags, other))) == 0
    assert kernels_of(build_inference_net(config_of("ssd300_config.yaml", *flags))) == 0  # as it is exported
    monkeypatch.setenv("CXX", "no-such-compiler")
    caplog.clear()
    assert kernels_of(build_training_net(config_of("ssd300_config.yaml", *flags))) == 0
    (line,) = [record.getMessage() for record in caplog.records if "CPU kernels" in record.getMessage()]
    assert "no-such-compiler" in line


# the activations after the last BatchNorm of ssd300's four extra layers are no part of a sequence
@pytest.mark.parametrize(("name", "apart"), [
    ("ssd_efficientnet_lite0_config.yaml", 4), ("ssd_efficientnet_lite0_fpnlite_config.yaml", 0),
])
def test_every_layer_of_efficientnet_and_fpn_lite_has_a_kernel(config_of, name, apart):
    net = build_training_net(config_of(name, *SMALL))
    layers = [cell for _, cell in net.cells_and_names() if isinstance(cell, (nn.Conv2d, nn.BatchNorm2d))]
    assert {type(layer) for layer in layers} == {KernelConv2d, KernelBatchNorm2d}
    sizes = {layer.kernel_size + layer.stride for layer in layers if isinstance(layer, nn.Conv2d)}
    assert {(5, 5, 1, 1), (5, 5, 2, 2), (3, 3, 2, 2)} <= sizes
    activations = [cell for _, cell in net.cells_and_names() if isinstance(cell, nn.ReLU6)]
    assert len(activations) == apart
