"""Datasets: COCO, VOC or text annotations to MindRecord, and from there to batches."""
from src.dataset.augmentation import build_augmentation
from src.dataset.benchmark import format_speeds, measure_stages
from src.dataset.class_names import create_named_classes
from src.dataset.images import decode_image, load_image, preprocess
from src.dataset.mindrecord.convert import MindRecordSet, create_mindrecord
from src.dataset.pipeline import batch_image_ids, create_ssd_dataset
from src.dataset.transforms import build_input_format

__all__ = [
    "MindRecordSet",
    "batch_image_ids",
    "build_augmentation",
    "build_input_format",
    "create_mindrecord",
    "create_named_classes",
    "create_ssd_dataset",
    "decode_image",
    "format_speeds",
    "load_image",
    "measure_stages",
    "preprocess",
]
