"""Detections against ground truth: the evaluation loop, COCO metrics, error analysis, the report."""
from src.evaluation.coco_metrics import COCO_MAX_DETECTIONS, COCO_MIN_SCORE, PROTOCOLS, COCOMetrics
from src.evaluation.ground_truth import read_ground_truth
from src.evaluation.loop import evaluate
from src.evaluation.results import (
    COCO_NUMBERS,
    ClassResult,
    EvalResult,
    ProtocolResult,
    format_classes,
    format_result,
    format_stats,
    write_results,
)

__all__ = [
    "COCO_MAX_DETECTIONS",
    "COCO_MIN_SCORE",
    "COCO_NUMBERS",
    "PROTOCOLS",
    "COCOMetrics",
    "ClassResult",
    "EvalResult",
    "ProtocolResult",
    "evaluate",
    "format_classes",
    "format_result",
    "format_stats",
    "read_ground_truth",
    "write_results",
]
