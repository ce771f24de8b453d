"""From the configuration to networks."""
import mindspore as ms

from src.box_utils import build_box_coder
from src.init_params import init_net_param
from src.ssd.decode import SsdInferWithDecoder
from src.ssd.loss import SSDLoss, SSDWithLossCell
from src.ssd.models import get_model


def build_detector(config):
    """The detector of `model_name`: image `(B, 3, H, W)` -> locations `(B, A, 4)`, logits `(B, A, C)`."""
    model = get_model(config.model_name)
    detector = model.build(config, model.create_backbone(config))
    init_net_param(detector)
    if config.use_float16:
        detector.to_float(ms.float16)
    return ms.amp.auto_mixed_precision(detector, config.amp_level)


def build_training_net(config):
    """`SSDWithLossCell`, in training mode: image, targets, labels, numbers of matches -> loss of the batch."""
    net = SSDWithLossCell(build_detector(config), SSDLoss(config.gamma, config.alpha))
    return net.set_train(True)


def build_inference_net(config, detector=None):
    """`SsdInferWithDecoder`, in evaluation mode: image -> boxes `(B, A, 4)`, scores `(B, A, C)`.

    Args:
        detector: a detector to share parameters with, whose mode is then left to its owner; None builds one.
    """
    shared = detector is not None
    coder = build_box_coder(config)
    net = SsdInferWithDecoder(detector if shared else build_detector(config), coder.default_boxes, coder.prior_scaling)
    return net if shared else net.set_train(False)
