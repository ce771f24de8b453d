"""Datasets: COCO, VOC or text annotations to MindRecord, and from there to batches.

This file imports no MindSpore, so that prediction with ONNX Runtime needs none: `create_mindrecord`, the pipeline and
its benchmark are imported from their modules.
"""
from src.dataset.augmentation import build_augmentation
from src.dataset.class_names import create_named_classes
from src.dataset.images import decode_image, load_image, preprocess
from src.dataset.transforms import build_input_format

__all__ = [
    "build_augmentation",
    "build_input_format",
    "create_named_classes",
    "decode_image",
    "load_image",
    "preprocess",
]
