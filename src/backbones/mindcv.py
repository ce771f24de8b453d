"""Models of MindCV (https://github.com/mindspore-lab/mindcv) as backbones.

MindCV is an optional package, imported when such a backbone is built.
"""
import difflib
import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import mindspore as ms
from mindspore import nn

from src.layers.blocks import batch_norm
from src.utils.errors import UserError

ACTIVATIONS = {"relu6": nn.ReLU6, "hswish": nn.HSwish}
EXAMPLES = "mobilenet_v2_100, mobilenet_v3_large_100, resnet50, efficientnet_b0"


class MindCVBackbone(nn.Cell):
    """`(B, 3, H, W)` -> one feature for each tap.

    Args:
        net: image -> list of features.
        out_channels: channels of each feature of `net`.
        expand_channels: a 1x1 convolution with BatchNorm and activation brings the first feature to this number of
            channels, as the SSD of the MobileNets taps it; 0 leaves the feature as it is.
        expand_activation: a key of `ACTIVATIONS`.
    """

    def __init__(self, net: nn.Cell, out_channels: Sequence[int], expand_channels: int = 0,
                 expand_activation: str = "relu6") -> None:
        super().__init__()
        # Pretrained weights and `freeze_layer` concern this part alone: classifiers have no weights for the expansion.
        self.mindcv = net
        self.taps = len(out_channels)
        self.out_channels = tuple(out_channels)
        self.expand = None
        if expand_channels:
            conv = nn.Conv2d(out_channels[0], expand_channels, kernel_size=1, has_bias=False)
            activation = ACTIVATIONS[expand_activation]()
            self.expand = nn.SequentialCell([conv, batch_norm(expand_channels), activation])
            self.out_channels = (expand_channels, *out_channels[1:])

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ...]:
        found = self.mindcv(x)
        features: tuple[ms.Tensor, ...] = ()
        for tap in range(self.taps):
            feature = found[tap]
            if tap == 0 and self.expand is not None:
                feature = self.expand(feature)
            features += (feature,)
        return features


def build_mindcv_backbone(name: str, out_indices: Sequence[int], image_size: Sequence[int], feature_size: Sequence[int],
                          expand_channels: int = 0, expand_activation: str = "relu6") -> MindCVBackbone:
    """A backbone by its name in MindCV, without pretrained weights.

    Args:
        name: as in `mindcv.list_models()`; a model that can return features.
        out_indices: ascending indexes of the taps among the features that MindCV lists for the model.
        image_size: height and width of the image.
        feature_size: height (and width) of the feature of each level; the first ones belong to the taps.
        expand_channels, expand_activation: see `MindCVBackbone`.

    Raises:
        UserError: MindCV is missing, has no such model or taps, or the features have other sizes.
    """
    mindcv = _import_mindcv()
    _check_name(mindcv, name)
    try:
        net = mindcv.create_model(name, features_only=True, out_indices=list(out_indices))
        info = _feature_info(mindcv, name, net)
    except (TypeError, RuntimeError, AttributeError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"backbone: {name} of MindCV does not give features ({reason}); use another model, for example {EXAMPLES}"
        ) from error
    _check_taps(name, info, out_indices)
    _check_sizes(name, [info[index]["reduction"] for index in out_indices], image_size, feature_size)
    return MindCVBackbone(net, net.out_channels, expand_channels, expand_activation)


def _import_mindcv() -> ModuleType:
    try:
        import mindcv
    except ImportError as error:
        raise UserError("backbone: this model needs MindCV, which is not installed; run: pip install mindcv") from error
    return mindcv


def _check_name(mindcv: ModuleType, name: str) -> None:
    if not name:
        raise UserError(f"backbone is empty; expected the name of a MindCV model, for example one of {EXAMPLES}")
    if not mindcv.is_model(name):
        near = difflib.get_close_matches(name, mindcv.list_models(), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are, for example, {EXAMPLES}"
        raise UserError(f"backbone: MindCV has no model {name!r}; {hint} (mindcv.list_models() lists all)")


def _feature_info(mindcv: ModuleType, name: str, net: nn.Cell) -> list[dict[str, Any]]:
    """Channels (`chs`), stride (`reduction`) and name of each feature that can be tapped.

    Some models keep this list on the network that returns features, others on the classifier only.
    """
    info = getattr(net.net, "feature_info", None)
    return info if info is not None else mindcv.create_model(name).feature_info


def _check_taps(name: str, info: list[dict[str, Any]], out_indices: Sequence[int]) -> None:
    ascending = sorted(set(out_indices)) == list(out_indices)
    if not out_indices or not ascending or out_indices[0] < 0 or out_indices[-1] >= len(info):
        taps = ", ".join(f"{index}: {tap['chs']} / {tap['reduction']}" for index, tap in enumerate(info))
        raise UserError(
            f"backbone_out_indices is {list(out_indices)}; expected ascending numbers of taps of {name}, which has "
            f"(number: channels / stride) {taps}"
        )


def _check_sizes(name: str, reductions: Sequence[int], image_size: Sequence[int], feature_size: Sequence[int]) -> None:
    height, width = image_size
    sizes = [(math.ceil(height / reduction), math.ceil(width / reduction)) for reduction in reductions]
    expected = list(feature_size[: len(sizes)])
    if [size[0] for size in sizes] != expected:
        raise UserError(
            f"backbone_out_indices: the taps of {name} have the strides {reductions}, which make features of "
            f"{', '.join(f'{high} x {wide}' for high, wide in sizes)} from an image of {height} x {width}, but "
            f"feature_size begins with {expected}; change backbone_out_indices, or feature_size and steps"
        )
