"""Default boxes, the box coder, predictions, and non-maximum suppression."""
from src.boxes.box_coder import BoxCoder, build_box_coder
from src.boxes.nms import ImageDetections, NMSConfig, apply_nms, build_nms_config, select_detections
from src.boxes.predictions import AnchorPredictions, Predictions, SelectedPredictions, split_batch

__all__ = [
    "AnchorPredictions",
    "BoxCoder",
    "ImageDetections",
    "NMSConfig",
    "Predictions",
    "SelectedPredictions",
    "apply_nms",
    "build_box_coder",
    "build_nms_config",
    "select_detections",
    "split_batch",
]
