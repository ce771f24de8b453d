"""SSD detectors: networks, loss, decoding, and their construction from the configuration."""
from src.ssd.builder import build_cpu_kernels, build_detector, build_inference_net, build_training_net
from src.ssd.decode import SsdInferWithDecoder
from src.ssd.loss import MultiBoxLoss, SSDLoss, SSDWithLossCell
from src.ssd.models import MODELS, get_model, register
from src.ssd.packaged_weights import find_classifier
from src.ssd.pretrained import load_backbone
from src.ssd.weights import find_checkpoint, load_weights

__all__ = [
    "MODELS",
    "MultiBoxLoss",
    "SSDLoss",
    "SSDWithLossCell",
    "SsdInferWithDecoder",
    "build_cpu_kernels",
    "build_detector",
    "build_inference_net",
    "build_training_net",
    "find_checkpoint",
    "find_classifier",
    "get_model",
    "load_backbone",
    "load_weights",
    "register",
]
