"""Weights of every kind into a network: checkpoints, pretrained backbones, files of other libraries, packages."""
from src.weights.checkpoint_file import read_checkpoint, save_checkpoint
from src.weights.load import LoadReport, load_weights
from src.weights.pip_packages import find_classifier
from src.weights.pretrained_backbone import load_backbone

__all__ = ["LoadReport", "find_classifier", "load_backbone", "load_weights", "read_checkpoint", "save_checkpoint"]
