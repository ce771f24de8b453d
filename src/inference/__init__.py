"""Detections in images and videos: what `predict.py` does."""
from src.inference.annotated_boxes import create_truth
from src.inference.detector import Detector, create_detector
from src.inference.outputs import Output
from src.inference.predict import labels_of, predict_inputs
from src.inference.predict_args import parse_arguments

__all__ = ["Detector", "Output", "create_detector", "create_truth", "labels_of", "parse_arguments", "predict_inputs"]
