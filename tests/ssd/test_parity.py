"""The networks, losses and gradients against the numbers of the original implementation."""
import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from src.boxes import build_box_coder
from src.layers.blocks import HalfDropout
from src.ssd import build_inference_net, build_training_net
from tests.support.golden_data import CONFIGS, golden_arrays, golden_input, golden_json, golden_weight

pytestmark = pytest.mark.usefixtures("cpu")
BATCH = {"ssd300": 8, "ssd_mobilenet_v1": 8}
SLOW = ("ssd_mobilenet_v1_fpn", "ssd_resnet50_fpn")
MODELS = [pytest.param(model, marks=pytest.mark.slow) if model in SLOW else model for model in CONFIGS]


def set_golden_weights(net):
    for parameter in net.get_parameters():
        parameter.set_data(ms.Tensor(golden_weight(parameter.name, parameter.shape)))


class LossAndGradients(nn.Cell):
    def __init__(self, net):
        super().__init__(auto_prefix=False)
        self.value_and_grad = ops.value_and_grad(net, None, ms.ParameterTuple(net.trainable_params()))

    def construct(self, image, targets, labels, num_match):
        return self.value_and_grad(image, targets, labels, num_match)


@pytest.mark.parametrize("model", CONFIGS)
def test_parameters(config_of, model):
    golden = golden_json(f"{model}/params.json")
    net = build_inference_net(config_of(CONFIGS[model]))
    found = [(p.name, list(p.shape), p.requires_grad) for p in net.get_parameters()]
    assert found == [(row["name"], row["shape"], row["requires_grad"]) for row in golden]


@pytest.mark.parametrize("model", CONFIGS)
def test_forward(config_of, model):
    golden = golden_arrays(f"{model}/forward.npz")
    config = config_of(CONFIGS[model], "--use_float16=False")
    net = build_inference_net(config)
    set_golden_weights(net)
    assert not net.training
    boxes, scores = net(ms.Tensor(golden_input(f"{model}/forward", (1, 3, *config.img_shape))))
    stride = int(golden["stride"])
    np.testing.assert_allclose(boxes.asnumpy()[0, ::stride], golden["boxes"], atol=1e-4)
    np.testing.assert_allclose(scores.asnumpy()[0, ::stride], golden["scores"], atol=5e-4)
    scale = golden["scores_checks"][1]
    column_sums = scores.asnumpy()[0].sum(0, dtype=np.float64)
    np.testing.assert_allclose(column_sums, golden["scores_col_sum"], atol=1e-4 * scale)


@pytest.mark.parametrize("model", MODELS)
def test_loss_and_gradients(config_of, model):
    golden = golden_arrays(f"{model}/loss.npz")
    batch = BATCH.get(model, 2)
    config = config_of(CONFIGS[model], "--use_float16=False")
    coder = build_box_coder(config)
    encoded = [coder.encode(golden[f"boxes_{index}"]) for index in range(batch)]
    image = golden_input(f"{model}/loss", (batch, 3, *config.img_shape))
    targets = np.stack([one[0] for one in encoded])
    labels = np.stack([one[1] for one in encoded])
    num_match = np.array([[one[2]] for one in encoded], np.int32)
    np.testing.assert_array_equal(num_match, golden["num_match"])

    net = build_training_net(config)
    assert [p.name for p in net.trainable_params()] == list(golden["param_names"])
    set_golden_weights(net)
    for _, cell in net.cells_and_names():
        if isinstance(cell, HalfDropout):
            cell.set_train(False)
    step = LossAndGradients(net)
    loss, gradients = step(*map(ms.Tensor, (image, targets, labels, num_match)))
    check_loss_and_gradients(golden, "", loss, gradients, loss_tolerance=1e-4, norm=3e-3, each=0.1, median=5e-3)
    statistics = {parameter.name: parameter.asnumpy() for parameter in net.get_parameters()}
    for index, name in enumerate(golden["bn_names"]):
        np.testing.assert_allclose(statistics[f"{name}.moving_mean"][:64], golden[f"bn{index}_mean"], atol=1e-4)
        np.testing.assert_allclose(statistics[f"{name}.moving_variance"][:64], golden[f"bn{index}_var"], atol=1e-4)

    set_golden_weights(net)
    for _, cell in net.cells_and_names():
        if isinstance(cell, nn.BatchNorm2d):
            cell.set_train(False)
    two = [ms.Tensor(array[:2]) for array in (image, targets, labels, num_match)]
    loss, gradients = LossAndGradients(net)(*two)
    check_loss_and_gradients(golden, "frozen_", loss, gradients, loss_tolerance=1e-5, norm=1e-3, each=0.03, median=1e-3)


def check_loss_and_gradients(golden, prefix, loss, gradients, loss_tolerance, norm, each, median):
    assert float(loss.asnumpy()) == pytest.approx(float(golden[f"{prefix}loss"]), rel=loss_tolerance)
    norms = np.array([np.linalg.norm(gradient.asnumpy().astype(np.float64)) for gradient in gradients])
    whole = float(golden[f"{prefix}grad_global_l2"])
    assert np.linalg.norm(norms) == pytest.approx(whole, rel=norm)
    expected = golden[f"{prefix}grad_l2"]
    error = np.abs(norms - expected) / (expected + 1e-4 * whole)
    assert error.max() < each
    assert np.median(error) < median
    names = list(golden["param_names"])
    for index, name in enumerate(golden["selected"]):
        head = golden[f"{prefix}g{index:02d}_head"]
        found = gradients[names.index(name)].asnumpy().reshape(-1)[:64]
        bound = (0.15 if not prefix else 0.05) * (np.linalg.norm(head) + 1e-6 * whole)
        assert np.linalg.norm(found - head) <= bound, name
