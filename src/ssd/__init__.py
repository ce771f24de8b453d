"""SSD detectors: networks, loss, decoding, and their construction from the configuration."""
from src.ssd.builder import (
    build_detector,
    build_inference_net,
    build_training_net,
    cpu_arithmetic,
    with_cpu_kernels,
)
from src.ssd.decoder import SsdInferWithDecoder
from src.ssd.losses import MultiBoxLoss, SSDLoss, SSDWithLossCell
from src.ssd.registry import MODELS, get_model, register

__all__ = [
    "MODELS",
    "MultiBoxLoss",
    "SSDLoss",
    "SSDWithLossCell",
    "SsdInferWithDecoder",
    "build_detector",
    "build_inference_net",
    "build_training_net",
    "cpu_arithmetic",
    "get_model",
    "register",
    "with_cpu_kernels",
]
