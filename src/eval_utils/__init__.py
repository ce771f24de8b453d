"""From boxes and scores to detections and metrics: suppression, COCO evaluation, its report, the evaluation loop."""
from src.eval_utils.loop import evaluate
from src.eval_utils.metrics import COCO_MAX_DETECTIONS, COCO_MIN_SCORE, PROTOCOLS, COCOMetrics
from src.eval_utils.nms import apply_nms, select_detections
from src.eval_utils.result import (
    COCO_NUMBERS,
    ClassResult,
    EvalResult,
    ProtocolResult,
    format_classes,
    format_result,
    format_stats,
    write_results,
)
from src.eval_utils.truth import read_truth

__all__ = [
    "COCO_MAX_DETECTIONS",
    "COCO_MIN_SCORE",
    "COCO_NUMBERS",
    "PROTOCOLS",
    "COCOMetrics",
    "ClassResult",
    "EvalResult",
    "ProtocolResult",
    "apply_nms",
    "evaluate",
    "format_classes",
    "format_result",
    "format_stats",
    "read_truth",
    "select_detections",
    "write_results",
]
