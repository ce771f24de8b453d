"""Default boxes, the box coder, and non-maximum suppression."""
from src.boxes.box_coder import BoxCoder, build_box_coder
from src.boxes.nms import apply_nms, select_detections

__all__ = ["BoxCoder", "apply_nms", "build_box_coder", "select_detections"]
