"""Everything that predicts, behind one interface, and the uses of its detections. ONNX files need no MindSpore."""
from src.inference.detector import Detection, Detections, Detector, load_detector
from src.inference.load import Device, load_predictor
from src.inference.predictor import Predictor

__all__ = ["Detection", "Detections", "Detector", "Device", "Predictor", "load_detector", "load_predictor"]
