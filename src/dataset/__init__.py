"""Datasets: COCO, VOC or text annotations to MindRecord, and from there to batches."""
from src.dataset.images import decode_image, load_image, preprocess
from src.dataset.mindrecord import MindRecordSet, create_mindrecord
from src.dataset.pipeline import create_ssd_dataset

__all__ = ["MindRecordSet", "create_mindrecord", "create_ssd_dataset", "decode_image", "load_image", "preprocess"]
