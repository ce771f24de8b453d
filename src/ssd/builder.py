"""From the configuration to networks."""
import logging

import mindspore as ms
from mindspore import nn

from src.boxes import build_box_coder
from src.config import Config
from src.cpu_kernels import describe_arithmetic, use_cpu_kernels
from src.ssd.decoder import SsdInferWithDecoder
from src.ssd.losses import MultiBoxLoss, SSDLoss, SSDWithLossCell
from src.ssd.registry import get_model

logger = logging.getLogger(__name__)


def set_precision(net: nn.Cell, amp_level: str) -> None:
    """Makes `net` compute in lower precision; its parameters stay float32.

    The values of `amp_level` are those of MindSpore's automatic mixed precision. That is not used itself: it wraps the
    network, which renames the parameters, and writes source files into the working directory.

    Args:
        net: a network in float32.
        amp_level: O0 leaves it as it is; O1: convolutions and matrix products in float16; O2: everything but BatchNorm
            in float16; O3: everything in float16.
    """
    if amp_level in ("O2", "O3"):
        net.to_float(ms.float16)
    if amp_level in ("O1", "O2"):
        for _, cell in net.cells_and_names():
            if isinstance(cell, (nn.Conv2d, nn.Dense)):
                cell.to_float(ms.float16)
            elif isinstance(cell, nn.BatchNorm2d):
                cell.to_float(ms.float32)


def build_detector(config: Config) -> nn.Cell:
    """The detector of `model_name`: image `(B, 3, H, W)` -> locations `(B, A, 4)`, logits `(B, A, C)`."""
    model = get_model(config.model_name)
    detector = model.build(config, model.create_backbone(config))
    model.initialise(detector)
    set_precision(detector, "O3" if config.use_float16 else config.amp_level)
    return detector


def with_cpu_kernels(config: Config, net: nn.Cell) -> nn.Cell:
    """Lets `net` use the kernels of `src.cpu_kernels` where it runs on a CPU in float32. Not for export.

    Returns:
        `net`.
    """
    if config.cpu_kernels and config.device_target == "CPU":
        if config.half_precision:
            logger.info("CPU kernels: none, they compute in float32 only (use_float16, amp_level)")
        else:
            use_cpu_kernels(net, config.cpu_threads, config.cpu_precision)
    return net


def cpu_arithmetic(config: Config) -> str:
    """What the results of a run on a CPU depend on beyond its settings, in words; empty on other devices."""
    if config.device_target != "CPU":
        return ""
    uses_kernels = config.cpu_kernels and not config.half_precision
    return describe_arithmetic(config.cpu_precision) if uses_kernels else "that of MindSpore"


def build_training_net(config: Config) -> SSDWithLossCell:
    """`SSDWithLossCell`, in training mode: image, targets, labels, numbers of matches -> loss of the batch."""
    net = SSDWithLossCell(build_detector(config), build_loss(config), config.keep_empty)
    return with_cpu_kernels(config, net).set_train(True)


def build_loss(config: Config) -> SSDLoss | MultiBoxLoss:
    """The loss of the detector: locations, logits, targets, labels -> classification, localisation, each `(B,)`."""
    if get_model(config.model_name).softmax:
        return MultiBoxLoss(keep_empty=config.keep_empty)
    return SSDLoss(config.gamma, config.alpha)


def build_inference_net(config: Config, detector: nn.Cell | None = None) -> SsdInferWithDecoder:
    """`SsdInferWithDecoder`, in evaluation mode: image -> boxes `(B, A, 4)`, scores `(B, A, C)`.

    Args:
        detector: a detector to share parameters with; its training or evaluation mode stays as it is. None builds one.
    """
    shared = detector is not None
    coder = build_box_coder(config)
    net = SsdInferWithDecoder(detector if shared else build_detector(config), coder.default_boxes, coder.prior_scaling,
                              softmax=get_model(config.model_name).softmax)
    return net if shared else net.set_train(False)
