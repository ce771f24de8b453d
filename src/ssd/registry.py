"""The model table: what each `model_name` is made of."""
import dataclasses
import difflib
import functools
from collections.abc import Callable, Sequence
from typing import Any

from mindspore import nn

from src.backbones.efficientnet_lite import SIZES, EfficientNetLite
from src.backbones.mindcv import MindCVBackbone, build_mindcv_backbone
from src.backbones.mobilenet_v1 import MobileNetV1
from src.backbones.mobilenet_v2 import MobileNetV2
from src.backbones.resnet import ResNet50
from src.backbones.vgg16 import VGG16
from src.config import Config
from src.layers.blocks import BottleneckConv, SeparableConvBNReLU
from src.layers.initializers import init_fpn_lite, init_net_param, init_xavier
from src.ssd.detectors import (
    SSDFPN,
    SSDVGG16,
    FPNFeatures,
    SSDMobileNetV1,
    SSDMobileNetV2,
    SSDVGG16Caffe,
    inverted_extra,
)
from src.ssd.fpn import conv_bn_relu
from src.ssd.heads import MultiBox, SharedTowerMultiBox, WeightSharedMultiBox, conv_head, pointwise_head, separable_head
from src.utils.errors import UserError


@dataclasses.dataclass(frozen=True)
class Model:
    """One row of the table.

    Attributes:
        build: configuration, backbone -> detector.
        create_backbone: configuration -> backbone.
        backbone_path: where the backbone lies in the detector, as in the names of its parameters: the part whose
            weights a classification checkpoint has, and which `freeze_layer` freezes.
        config_file: YAML file in `config/` to begin with.
        softmax: scores are a softmax over the classes, and the loss is `MultiBoxLoss`; otherwise scores are independent
            sigmoids, and the loss is the focal loss.
        initialise: sets the initial weights of a detector.
        early_parts: parts of the backbone that see edges and textures, as in `freeze_parts`; for `freeze_parts: auto`.
    """

    build: Callable[[Config, nn.Cell], nn.Cell]
    create_backbone: Callable[[Config], nn.Cell]
    backbone_path: str
    config_file: str
    softmax: bool = False
    initialise: Callable[[nn.Cell], None] = init_net_param
    early_parts: tuple[str, ...] = ()


MODELS: dict[str, Model] = {}


def register(name: str, **row: Any) -> None:
    """Adds a row, with the attributes of `Model`; each name can be taken once."""
    if name in MODELS:
        raise ValueError(f"the model {name!r} is in the table already; there are: {', '.join(sorted(MODELS))}")
    MODELS[name] = Model(**row)


def get_model(name: str) -> Model:
    """The row of a `model_name`."""
    if name not in MODELS:
        near = difflib.get_close_matches(name, MODELS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise UserError(f"model_name: there is no model {name!r}{hint} There are: {', '.join(sorted(MODELS))}")
    return MODELS[name]


def check_channels(backbone_channels: Sequence[int], in_channels: Sequence[int], out_channels: Sequence[int]) -> None:
    """Raises a `UserError` unless each level has the channels of the backbone or of the level before.

    Args:
        backbone_channels: channels of the features of the backbone, which are the first levels.
        in_channels, out_channels: of each level, as `extras_in_channels` and `extras_out_channels` say.
    """
    taps = len(backbone_channels)
    if tuple(out_channels[:taps]) != tuple(backbone_channels):
        raise UserError(
            f"extras_out_channels begins with {list(out_channels[:taps])}, but the features of the backbone have "
            f"{list(backbone_channels)} channels; change one of them"
        )
    for level in range(taps, len(out_channels)):
        if in_channels[level] != out_channels[level - 1]:
            raise UserError(
                f"extras_in_channels says {in_channels[level]} for level {level} (counted from 0), but level "
                f"{level - 1} has {out_channels[level - 1]} channels; change extras_in_channels or extras_out_channels"
            )


def build_multi_box(config: Config, make_head: Callable[[int, int], nn.Cell] = separable_head) -> MultiBox:
    return MultiBox(config.num_classes, config.extras_out_channels, config.num_default, make_head)


def build_with_inverted_extras(config: Config, backbone: nn.Cell, make_extra: Callable[..., nn.Cell] = inverted_extra,
                               make_head: Callable[[int, int], nn.Cell] = separable_head) -> SSDMobileNetV2:
    """SSD on the features of a backbone and extra layers after them, inverted residuals unless told otherwise."""
    check_channels(backbone.out_channels, config.extras_in_channels, config.extras_out_channels)
    taps = len(backbone.out_channels)
    return SSDMobileNetV2(
        backbone,
        build_multi_box(config, make_head),
        in_channels=config.extras_in_channels[taps:],
        out_channels=config.extras_out_channels[taps:],
        strides=config.extras_strides[taps:],
        expand_ratios=config.extras_ratio[taps:],
        make_extra=make_extra,
    )


def build_with_bottleneck_extras(config: Config, backbone: nn.Cell) -> SSDMobileNetV2:
    """SSD of the TensorFlow Object Detection API on the features of a backbone; SSDLite with `use_depthwise`."""
    return build_with_inverted_extras(
        config,
        backbone,
        make_extra=functools.partial(BottleneckConv, depthwise=config.use_depthwise),
        make_head=separable_head if config.use_depthwise else pointwise_head,
    )


def build_with_conv_extras(config: Config, backbone: nn.Cell) -> SSDMobileNetV1:
    """SSD on the features of a backbone and convolutions after them."""
    check_channels(backbone.out_channels, config.extras_in_channels, config.extras_out_channels)
    taps = len(backbone.out_channels)
    return SSDMobileNetV1(
        backbone,
        build_multi_box(config),
        in_channels=config.extras_in_channels[taps:],
        out_channels=config.extras_out_channels[taps:],
        strides=config.extras_strides[taps:],
    )


def build_with_fpn(config: Config, backbone: nn.Cell, backbone_name: str,
                   make_head: Callable[..., nn.Cell] = WeightSharedMultiBox,
                   make_conv: Callable[..., nn.Cell] = conv_bn_relu) -> SSDFPN:
    """A feature pyramid on the features of strides 8, 16 and 32, and a head shared by its levels.

    Args:
        backbone_name: name of the backbone in checkpoints.
        make_head: class of the head.
        make_conv: input and output channels[, stride] -> the layers of a level of the pyramid.
    """
    levels, channels = len(config.steps), config.extras_out_channels[0]
    if len(backbone.out_channels) != len(FPNFeatures.STRIDES):
        raise UserError(
            f"the feature pyramid needs {len(FPNFeatures.STRIDES)} features, of the strides {FPNFeatures.STRIDES}; the "
            f"backbone has {len(backbone.out_channels)}: change backbone_out_indices"
        )
    return SSDFPN(
        feature_extractor=FPNFeatures(backbone, backbone_name, config.img_shape, channels, levels, make_conv),
        multi_box=make_head(
            num_classes=config.num_classes,
            levels=levels,
            num_default=config.num_default[0],
            num_addition_layers=config.num_addition_layers,
            channels=channels,
        ),
    )


def build_with_fpn_lite(config: Config, backbone: nn.Cell, backbone_name: str) -> SSDFPN:
    """The same with separable convolutions, as SSD FPNLite of the TensorFlow Object Detection API."""
    return build_with_fpn(config, backbone, backbone_name, SharedTowerMultiBox, SeparableConvBNReLU)


def create_mindcv_backbone(config: Config) -> MindCVBackbone:
    """The MindCV model that the configuration names."""
    return build_mindcv_backbone(
        name=config.backbone,
        out_indices=config.backbone_out_indices,
        image_size=config.img_shape,
        feature_size=config.feature_size,
        expand_channels=config.backbone_expand_channels,
        expand_activation=config.backbone_expand_activation,
    )


register(
    "ssd300",
    build=build_with_inverted_extras,
    create_backbone=lambda config: MobileNetV2(),
    backbone_path="backbone",
    config_file="ssd300_config.yaml",
)
register(
    "ssd_mobilenet_v2",
    build=build_with_bottleneck_extras,
    create_backbone=lambda config: MobileNetV2(),
    backbone_path="backbone",
    config_file="ssd_mobilenet_v2_config.yaml",
    early_parts=("features_1.0", "features_1.1", "features_1.2", "features_1.3"),
)
register(
    "ssd_mobilenet_v1",
    build=build_with_conv_extras,
    create_backbone=lambda config: MobileNetV1(MobileNetV1.SSD_TAPS),
    backbone_path="feature_extractor.mobilenet_v1",
    config_file="ssd_mobilenet_v1_300_config_gpu.yaml",
)
register(
    "ssd_mobilenet_v1_fpn",
    build=lambda config, backbone: build_with_fpn(config, backbone, "mobilenet_v1"),
    create_backbone=lambda config: MobileNetV1(MobileNetV1.PYRAMID_TAPS),
    backbone_path="feature_extractor.mobilenet_v1",
    config_file="ssd_mobilenet_v1_fpn_config.yaml",
)
register(
    "ssd_resnet50_fpn",
    build=lambda config, backbone: build_with_fpn(config, backbone, "resnet"),
    create_backbone=lambda config: ResNet50(),
    backbone_path="feature_extractor.resnet",
    config_file="ssd_resnet50_fpn_config.yaml",
)
register(
    "ssd_vgg16",
    build=lambda config, backbone: SSDVGG16(backbone, build_multi_box(config)),
    create_backbone=lambda config: VGG16(batch_norm=config.ssd_vgg_bn),
    backbone_path="backbone",
    config_file="ssd_vgg16_config.yaml",
)
register(
    "ssd300_vgg16_caffe",
    build=lambda config, backbone: SSDVGG16Caffe(backbone, build_multi_box(config, conv_head)),
    create_backbone=lambda config: VGG16(has_bias=True),
    backbone_path="backbone",
    config_file="ssd300_mmdet_config.yaml",
    softmax=True,
    initialise=init_xavier,
)
register(
    "ssd_mindcv",
    build=build_with_inverted_extras,
    create_backbone=create_mindcv_backbone,
    backbone_path="backbone.mindcv.net",
    config_file="ssd_mindcv_mobilenetv2_config.yaml",
)
register(
    "ssd_mindcv_fpn",
    build=lambda config, backbone: build_with_fpn(config, backbone, "backbone"),
    create_backbone=create_mindcv_backbone,
    backbone_path="feature_extractor.backbone.mindcv.net",
    config_file="ssd_mindcv_resnet50_fpn_config.yaml",
)
register(
    "ssd_efficientnet_lite0",
    build=build_with_inverted_extras,
    create_backbone=lambda config: EfficientNetLite("lite0"),
    backbone_path="backbone",
    config_file="ssd_efficientnet_lite0_config.yaml",
)
for size in SIZES:
    register(
        f"ssd_efficientnet_{size}_fpnlite",
        build=lambda config, backbone: build_with_fpn_lite(config, backbone, "efficientnet"),
        create_backbone=lambda config, size=size: EfficientNetLite(size, pyramid=True),
        backbone_path="feature_extractor.efficientnet",
        config_file=f"ssd_efficientnet_{size}_fpnlite_config.yaml",
        initialise=init_fpn_lite,
    )
register(
    "ssd_mobilenet_v2_fpnlite",
    build=lambda config, backbone: build_with_fpn_lite(config, backbone, "mobilenet_v2"),
    create_backbone=lambda config: MobileNetV2(pyramid=True),
    backbone_path="feature_extractor.mobilenet_v2",
    config_file="ssd_mobilenet_v2_fpnlite_config.yaml",
    initialise=init_fpn_lite,
)
