"""Datasets: annotations to MindRecord, and from there to batches.

Arrays called `pixel_boxes` are in pixels of their image, those called `boxes` in [0, 1] of its height and width; both
are ymin, xmin, ymax, xmax, label.

The room imports without MindSpore, so that prediction with ONNX Runtime needs none.
"""
from src.dataset.augmentation import build_augmentation
from src.dataset.batches import BatchSettings, Shard, TrainingSettings
from src.dataset.benchmark import format_stage_speeds, measure_stages
from src.dataset.found_data import with_found_data
from src.dataset.images import decode_image, load_image, preprocess
from src.dataset.mindrecord.create import MindRecordSet, create_mindrecord
from src.dataset.pipeline import WorkerSettings, batch_image_ids, create_ssd_dataset
from src.dataset.transforms import build_input_format

__all__ = [
    "BatchSettings",
    "MindRecordSet",
    "Shard",
    "TrainingSettings",
    "WorkerSettings",
    "batch_image_ids",
    "build_augmentation",
    "build_input_format",
    "create_mindrecord",
    "create_ssd_dataset",
    "decode_image",
    "format_stage_speeds",
    "load_image",
    "measure_stages",
    "preprocess",
    "with_found_data",
]
