"""Weights of every kind into a network: checkpoints, pretrained backbones, files of other libraries, packages."""
from src.utils.files import find_checkpoint
from src.weights.load import load_weights
from src.weights.pip_packages import find_classifier
from src.weights.pretrained_backbone import load_backbone

__all__ = ["find_checkpoint", "find_classifier", "load_backbone", "load_weights"]
