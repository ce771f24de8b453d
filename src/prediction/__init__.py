"""Detections in images and videos: what `predict.py` does."""
from src.prediction.arguments import parse_arguments
from src.prediction.detector import Detector, create_detector
from src.prediction.output import Output
from src.prediction.run import labels_of, predict_inputs
from src.prediction.truth import create_truth

__all__ = ["Detector", "Output", "create_detector", "create_truth", "labels_of", "parse_arguments", "predict_inputs"]
