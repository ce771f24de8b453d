"""Default boxes, the box coder, and non-maximum suppression."""
from src.boxes.box_coder import BoxCoder, build_box_coder
from src.boxes.nms import ImageDetections, NMSConfig, apply_nms, build_nms_config, select_detections

__all__ = [
    "BoxCoder",
    "ImageDetections",
    "NMSConfig",
    "apply_nms",
    "build_box_coder",
    "build_nms_config",
    "select_detections",
]
