"""Checkpoints of MindCV's SSDs."""
import numpy as np
import pytest

from src.utils.errors import UserError
from src.weights.mindcv import config_file, convert_mindcv

PATH = "their.ckpt"
BN = ("gamma", "beta", "moving_mean", "moving_variance")
# Their layer, ours, their epsilon, ours; layers without BatchNorm have none.
MOBILENET_V2 = (
    ("backbone_wrapper.backbone.net.features_0", "backbone.mindcv.net.features_0", None, None),
    ("backbone_wrapper.backbone.net.features_1", "backbone.mindcv.net.features_1", 1e-5, 1e-5),
    ("backbone_wrapper.backbone.net.features_3.layers.4", "backbone.mindcv.net.features_3.layers.4", 1e-5, 1e-5),
    ("backbone_wrapper.feature1_expand_layer.features.0", "backbone.expand.0", None, None),
    ("backbone_wrapper.feature1_expand_layer.features.1", "backbone.expand.1", 1e-3, 1e-3),
    ("backbone_wrapper.multi_residual.0.conv.0.features.1", "multi_residual.0.conv.0.features.1", 1e-3, 1e-3),
    ("backbone_wrapper.multi_residual.3.conv.3", "multi_residual.3.conv.3", 1e-3, 1e-3),
    ("multi_box.multi_loc_layers.0.1", "multi_box.multi_loc_layers.0.1", 1e-3, 1e-3),
    ("multi_box.multi_cls_layers.5.3", "multi_box.multi_cls_layers.5.3", None, None),
)
MOBILENET_V3 = (
    ("backbone_wrapper.backbone.net.features_4.layers.6.conv_reduce",
     "backbone.mindcv.net.features_4.layers.6.conv_reduce", None, None),
    ("backbone_wrapper.feature1_expand_layer.0", "backbone.expand.0", None, None),
    ("backbone_wrapper.feature1_expand_layer.1", "backbone.expand.1", 1e-5, 1e-3),
    ("backbone_wrapper.multi_residual.3.conv.3", "multi_residual.3.conv.3", 1e-3, 1e-3),
)
RESNET50_FPN = (
    ("backbone_wrapper.backbone.net.layer1.0.down_sample.1",
     "feature_extractor.backbone.mindcv.net.layer1.0.down_sample.1", 1e-5, 1e-5),
    ("backbone_wrapper.fpn.lateral_convs_list.0", "feature_extractor.fpn.lateral_convs_list.0", None, None),
    ("backbone_wrapper.fpn.fpn_convs_list.2.features.0", "feature_extractor.fpn.fpn_convs_list.2.0", None, None),
    ("backbone_wrapper.fpn.fpn_convs_list.2.features.1", "feature_extractor.fpn.fpn_convs_list.2.1", 1e-3, 1e-5),
    ("backbone_wrapper.bottom_up.blocks.1.features.1", "feature_extractor.bottom_up.blocks.1.1", 1e-3, 1e-5),
    ("multi_box.addition_layer_loc.4.3.features.1", "multi_box.addition_layer_loc.4.3.features.1", 1e-3, 1e-3),
    ("multi_box.cls_layers.0", "multi_box.cls_layers.0", None, None),
)


def weights_of(layers):
    """Their arrays by name; the shapes and epsilons of ours."""
    rng = np.random.default_rng(1)
    tensors, shapes, eps = {}, {}, {}
    for their, own, their_eps, own_eps in layers:
        for part in BN if their_eps else ("weight",):
            tensors[f"{their}.{part}"] = rng.uniform(1e-4, 1e-2, 4).astype(np.float32)
            shapes[f"{own}.{part}"] = (4,)
        if own_eps:
            eps[own] = own_eps
    return tensors, shapes, eps


@pytest.mark.parametrize(("model", "layers", "config"), [
    ("ssd_mindcv", MOBILENET_V2, "ssd_mindcv_mobilenetv2_config.yaml"),
    ("ssd_mindcv", MOBILENET_V3, "ssd_mindcv_mobilenetv3_config.yaml"),
    ("ssd_mindcv_fpn", RESNET50_FPN, "ssd_mindcv_resnet50_fpn_config.yaml"),
])
def test_each_layer_computes_the_same(model, layers, config):
    tensors, shapes, eps = weights_of(layers)
    assert config_file(tensors, PATH) == config
    found = convert_mindcv(tensors, shapes, eps, model, 81, PATH)
    assert set(found) == set(shapes)
    for their, own, their_eps, own_eps in layers:
        if not their_eps:
            np.testing.assert_array_equal(found[f"{own}.weight"], tensors[f"{their}.weight"])
            continue
        for part in BN[1:]:
            np.testing.assert_array_equal(found[f"{own}.{part}"], tensors[f"{their}.{part}"])
        scales = [values[f"{name}.gamma"] / np.sqrt(values[f"{name}.moving_variance"] + added)
                  for name, values, added in ((their, tensors, their_eps), (own, found, own_eps))]
        np.testing.assert_allclose(*scales, rtol=1e-6)


def test_what_does_not_fit():
    tensors, shapes, eps = weights_of(MOBILENET_V2)
    more = {**tensors, "backbone_wrapper.multi_residual.4.conv.3.beta": np.zeros(4)}
    with pytest.raises(UserError, match=r"without a place: backbone_wrapper.multi_residual.4.conv.3.beta"):
        convert_mindcv(more, shapes, eps, "ssd_mindcv", 81, PATH)
    with pytest.raises(UserError, match=r"missing: backbone\.mindcv\.net\.features_0\.weight"):
        convert_mindcv({name: value for name, value in tensors.items() if "net.features_0." not in name}, shapes, eps,
                       "ssd_mindcv", 81, PATH)
    with pytest.raises(UserError, match="81 classes"):
        convert_mindcv({**tensors, "multi_box.multi_cls_layers.5.3.weight": np.zeros(5)}, shapes, eps, "ssd_mindcv", 81,
                       PATH)
    with pytest.raises(UserError, match=r"their\.ckpt is no checkpoint of an SSD of MindCV"):
        config_file(["network.backbone.features_1.0.weight"], PATH)
